//! `apply`: a file makes things so, once and however often it is killed in between.

use std::fs;
use std::time::Duration;

use llmgw_servers::{Mongod, Redis};
use llmgw_tests::Gateway;
use serde_json::Value;

use super::process::Replica;
use super::seed::{answering, seed};

const MODELS: usize = 60;

fn many() -> String {
    let mut text = "models:\n".to_owned();
    for number in 0..MODELS {
        text += &format!("  - id: m{number}\n    targets: [{{base_url: 'http://10.0.0.{number}:8000'}}]\n");
    }
    text + "groups: {physics: {each: [{unit: requests, window: minute, amount: 60}]}}\n\
        service_accounts: [{name: batch, groups: [physics]}]\n"
}

struct Place {
    replica: Replica,
    data: Option<String>,
}

impl Place {
    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let mut all = self
            .data
            .as_deref()
            .map_or(Vec::new(), |data| vec!["--data", data]);
        all.extend(args);
        all
    }

    fn said(&self, args: &[&str]) -> String {
        let ended = self.replica.admin(&self.args(args));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.said(&[args, &["--json"]].concat())).unwrap()
    }

    fn models(&self) -> Vec<String> {
        let listed = self.json(&["model", "list"]);
        let ids = listed["data"].as_array().unwrap().iter();
        ids.map(|model| model["id"].as_str().unwrap().to_owned())
            .filter(|id| id.starts_with('m'))
            .collect()
    }

    /// Each model that is there, changed by a process that was killed or not, was announced.
    fn nothing_is_there_unannounced(&self) {
        let checked = self.json(&["audit", "verify"]);
        assert_eq!(checked["faults"], serde_json::json!([]), "{checked}");
        let made = self.json(&["audit", "list", "--action", "model.create", "--limit", "1000"]);
        let entries = made["data"].as_array().unwrap();
        let intended = |id: &str| {
            let subject = format!("model:{id}");
            entries
                .iter()
                .any(|entry| entry["stage"] == "intended" && entry["subject"] == *subject)
        };
        for id in self.models() {
            assert!(intended(&id), "{id} was made unannounced");
        }
    }

    fn is_made_so_however_often_it_is_killed(&self) {
        let file = self.replica.folder().join("gateway.yaml");
        fs::write(&file, many()).unwrap();
        let apply = ["apply", "-f", file.to_str().unwrap()];
        let planned = self.said(&[&apply[..], &["--diff"]].concat());
        assert!(planned.contains("+ model m7\n"), "{planned}");
        assert!(
            planned.ends_with("62 changes would be made: 62 new\n"),
            "{planned}"
        );
        assert_eq!(self.models(), Vec::<String>::new());
        // Until one of them was killed halfway, at least.
        let mut halfway = false;
        for wait in (0..40).map(|step| Duration::from_millis(20 + step * 15)) {
            self.replica.kill_admin(&self.args(&apply), wait);
            self.nothing_is_there_unannounced();
            let there = self.models().len();
            halfway |= (1..MODELS).contains(&there);
            if there == MODELS {
                break;
            }
        }
        assert!(halfway, "none was killed in the middle");
        self.said(&apply);
        assert_eq!(self.models().len(), MODELS);
        assert_eq!(self.said(&apply), "0 changes\n");
        assert_eq!(
            self.said(&[&apply[..], &["--prune", "--diff"]].concat())
                .lines()
                .filter(|line| line.starts_with("- model m"))
                .count(),
            0
        );
        self.nothing_is_there_unannounced();
    }

    fn what_is_wrong_is_told(&self) {
        for (text, words) in [
            ("models: [{id: 'a b'}]", "line 1"),
            ("modles: []", "modles"),
            ("", "no document"),
            (
                "models: [{id: a, targets: [{base_url: 'http://x', secret: 'hunter2'}]}]",
                "secret",
            ),
            (
                "models: [{id: z1}]\n---\nmodels: [{id: z2, default_answer_tokens: 0}]\n",
                "document 2: model z2",
            ),
        ] {
            let apply = self.args(&["apply", "-f", "-"]);
            let ended = self.replica.admin_reading(&apply, text);
            assert_eq!(ended.code, Some(1), "{text}: {}{}", ended.stdout, ended.stderr);
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
            assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        }
        // The first of the two documents stands.
        let listed = self.json(&["model", "list"]);
        let ids = listed["data"].as_array().unwrap().iter();
        assert!(ids.clone().any(|model| model["id"] == "z1"));
        assert!(!ids.clone().any(|model| model["id"] == "z2"));
    }
}

#[tokio::test]
async fn on_mongodb_a_file_is_made_so_however_often_it_is_killed() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let place = Place {
        replica: seeded.replica,
        data: None,
    };
    place.is_made_so_however_often_it_is_killed();
    place.what_is_wrong_is_told();
}

#[tokio::test]
async fn beside_a_standalone_a_file_is_made_so_however_often_it_is_killed() {
    let tap = answering();
    let standalone = Gateway::before(&tap).await;
    let place = Place {
        replica: Replica::new(),
        data: Some(standalone.setup().data().display().to_string()),
    };
    place.is_made_so_however_often_it_is_killed();
    place.what_is_wrong_is_told();
    // What runs sees it.
    let models = standalone.admin.models().await;
    assert!(models.iter().any(|id| id == "m7"), "{models:?}");
}
