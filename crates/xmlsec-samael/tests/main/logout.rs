//! Logout by redirect, both ways.

use std::time::Duration;

use llmgw_auth_saml::logout::{Carried, LogoutMessage, read, request, response};
use llmgw_auth_saml::{Parameter, Refusal};
use llmgw_idp::{Parts, Signs, form, keys, logout_query, logout_request, sign, signature, signed_query};

use crate::world::{IDP, World};

fn message(world: &World) -> String {
    logout_request(IDP, &world.we.logout_url, "_n1", Some("_s1"), world.now)
}

fn query(world: &World, query: &str) -> Result<LogoutMessage, Refusal> {
    read(
        Carried::Query(query),
        &world.we,
        &world.idp,
        &world.signature,
        world.now,
    )
}

#[test]
fn a_request_by_redirect_is_read_and_answered() {
    let world = World::new();
    let came = logout_query("SAMLRequest", &message(&world), Some("st &ate"), &keys().idp);
    let LogoutMessage::Request(wanted) = query(&world, &came).unwrap() else {
        panic!("not a request");
    };
    assert_eq!(wanted.name_id.value, "_n1");
    assert_eq!(wanted.session_indexes, ["_s1"]);
    assert_eq!(wanted.relay_state.as_deref(), Some("st &ate"));
    let sides = (&world.we, &world.idp);
    let answer = response("_a1", &wanted, sides, &world.signature, world.now)
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("https://idp.example/idp/logout?SAMLResponse="));
    assert!(answer.contains("&RelayState=st+%26ate&SigAlg="));
}

#[test]
fn a_request_of_ours_verifies_and_its_answer_is_read() {
    let world = World::new();
    let person = world.finish(&form(&world.parts().xml())).unwrap();
    let sides = (&world.we, &world.idp);
    let url = request(
        "_q1",
        &person.name_id,
        Some("_s1"),
        sides,
        &world.signature,
        world.now,
    );
    let url = url.unwrap().unwrap();
    // The other side checks as we do: with roles exchanged, our own request is read.
    let mut they = World::new();
    they.idp.entity_id = world.we.entity_id.clone();
    they.idp.signing = vec![keys().sp.der()];
    they.we.logout_url = world.idp.logout_url.clone().unwrap();
    let LogoutMessage::Request(read) = query(&they, url.split_once('?').unwrap().1).unwrap() else {
        panic!("not a request");
    };
    assert_eq!(read.name_id, person.name_id);
    let answer = message(&world)
        .replace("LogoutRequest", "LogoutResponse")
        .replace(" Version", " InResponseTo=\"_q1\" Version")
        .replace("<saml:NameID>_n1</saml:NameID><samlp:SessionIndex>_s1</samlp:SessionIndex>", "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>");
    let came = logout_query("SAMLResponse", &answer, None, &keys().idp);
    let expected = LogoutMessage::Response {
        in_response_to: "_q1".into(),
        success: true,
    };
    assert_eq!(query(&world, &came).unwrap(), expected);
}

#[test]
fn nothing_unsigned_foreign_or_changed_ends_a_login() {
    let world = World::new();
    let right = logout_query("SAMLRequest", &message(&world), Some("s"), &keys().idp);
    query(&world, &right).unwrap();
    let unsigned = right.split("&SigAlg").next().unwrap();
    let sha1 = format!(
        "{unsigned}&SigAlg={}",
        "http%3A%2F%2Fwww.w3.org%2F2000%2F09%2Fxmldsig%23rsa-sha1"
    );
    let other = |change: &dyn Fn(String) -> String| {
        logout_query("SAMLRequest", &change(message(&world)), Some("s"), &keys().idp)
    };
    let late = world.now.minus(Duration::from_mins(6)).to_string();
    let bomb = "<a>".repeat(20_000_000);
    let cases = [
        ("unsigned", unsigned.to_owned()),
        (
            "stranger's",
            logout_query("SAMLRequest", &message(&world), Some("s"), &keys().stranger),
        ),
        ("SHA-1", signed_query(&sha1, &keys().idp)),
        ("no algorithm", right.replace("&SigAlg=", "&x=")),
        (
            "relay state changed",
            right.replace("RelayState=s", "RelayState=t"),
        ),
        ("relay state taken out", right.replace("&RelayState=s", "")),
        (
            "message changed",
            right.replacen("SAMLRequest=", "SAMLRequest=A", 1),
        ),
        (
            "request as response",
            right.replacen("SAMLRequest=", "SAMLResponse=", 1),
        ),
        ("message twice", format!("{right}&{unsigned}")),
        ("both kinds", format!("{right}&SAMLResponse=x")),
        ("signature twice", format!("{right}&Signature=x")),
        (
            "other encoding of the same",
            right
                .replacen("%3D&RelayState", "=&RelayState", 1)
                .replace("%2F", "%2f"),
        ),
        ("other issuer", other(&|message| message.replace(IDP, "urn:evil"))),
        (
            "other destination",
            other(&|message| message.replace("/saml/sls", "/saml/acs")),
        ),
        (
            "old",
            other(&|message| message.replace(&world.now.to_string(), &late)),
        ),
        (
            "over",
            other(&|message| {
                message.replace(" Destination", &format!(" NotOnOrAfter=\"{late}\" Destination"))
            }),
        ),
        (
            "nobody",
            other(&|message| message.replace("saml:NameID", "saml:BaseID")),
        ),
        (
            "SAML 1.1",
            other(&|message| message.replace("2.0\" Issue", "1.1\" Issue")),
        ),
        ("another message", other(&|_| world.parts().xml())),
        (
            "a document type",
            other(&|message| format!("<!DOCTYPE a>{message}")),
        ),
        ("a bomb", other(&|_| bomb.clone())),
        ("nothing", String::new()),
    ];
    for (name, came) in cases {
        assert!(query(&world, &came).is_err(), "{name}");
    }
}

#[test]
fn a_form_must_be_signed_inside() {
    let world = World::new();
    let signed = |signer| {
        let signature = signature("_l1");
        sign(
            &message(&world).replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1),
            signer,
        )
    };
    let read = |xml: &str| {
        let message = form(xml);
        let carried = Carried::Form {
            parameter: Parameter::Request,
            message: &message,
            relay_state: None,
        };
        read(carried, &world.we, &world.idp, &world.signature, world.now)
    };
    let right = signed(&keys().idp);
    read(&right).unwrap();
    assert!(read(&message(&world)).is_err());
    assert!(read(&signed(&keys().stranger)).is_err());
    assert!(read(&right.replace(">_n1<", ">_n2<")).is_err());
    let mut parts: Parts = world.parts();
    parts.signs = Signs::Both;
    assert!(read(&parts.xml()).is_err());
}
