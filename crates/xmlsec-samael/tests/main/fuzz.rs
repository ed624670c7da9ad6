//! Right answers, changed at random: each is refused, or says what it said before. A million of them, in release:
//!
//! `BOLERO_RANDOM_ITERATIONS=1000000 cargo test --release -p llmgw-xmlsec-samael fuzz`

use bolero::{TypeGenerator, check};
use llmgw_idp::{Encryption, Parts, Signs, encrypted, keys};

use crate::world::World;

/// What is done to a message, at places counted modulo its length.
#[derive(Debug, TypeGenerator)]
enum Edit {
    Put(u16, u8),
    Insert(u16, u8),
    Cut(u16, u8),
    // A piece of the message once more, somewhere else: elements, attributes, whole assertions.
    Copy(u16, u16, u16),
    Swap(u16, u16),
}

fn apply(message: &mut Vec<u8>, edit: &Edit) {
    let length = message.len().max(1);
    let at = |place: u16| usize::from(place) % length;
    match *edit {
        Edit::Put(place, byte) => {
            if let Some(old) = message.get_mut(at(place)) {
                *old = byte;
            }
        }
        Edit::Insert(place, byte) => message.insert(at(place).min(message.len()), byte),
        Edit::Cut(place, count) => {
            let end = (at(place) + usize::from(count)).min(message.len());
            message.drain(at(place).min(end)..end);
        }
        Edit::Copy(from, count, to) => {
            let end = (at(from) + usize::from(count)).min(message.len());
            let piece = message.get(at(from).min(end)..end).unwrap_or_default().to_vec();
            let to = at(to).min(message.len());
            message.splice(to..to, piece);
        }
        Edit::Swap(one, other) => {
            if !message.is_empty() {
                message.swap(at(one), at(other));
            }
        }
    }
}

fn never_says_anything_else(parts: impl Fn(&World) -> String) {
    let world = World::new();
    let right = parts(&world);
    let person = world.finish(&llmgw_idp::form(&right)).unwrap();
    check!().with_type::<Vec<Edit>>().for_each(|edits| {
        let mut message = right.clone().into_bytes();
        edits.iter().take(16).for_each(|edit| apply(&mut message, edit));
        if let Ok(came) = world.finish(&openssl::base64::encode_block(&message)) {
            // Where only the assertion is signed the envelope is free: nothing is taken from it.
            assert!(
                came == person,
                "another person: {}",
                String::from_utf8_lossy(&message)
            );
        }
    });
}

fn signed(world: &World, signs: Signs) -> Parts {
    let mut parts = world.parts();
    parts.signs = signs;
    parts
}

#[test]
fn an_assertion_that_is_signed() {
    never_says_anything_else(|world| signed(world, Signs::Assertion).xml());
}

#[test]
fn a_response_that_is_signed() {
    never_says_anything_else(|world| signed(world, Signs::Response).xml());
}

#[test]
fn an_assertion_that_is_encrypted() {
    never_says_anything_else(|world| {
        let parts = signed(world, Signs::Assertion);
        parts.response(&encrypted(
            parts.assertion().as_bytes(),
            &Encryption::to(&keys().sp),
        ))
    });
}

#[test]
fn any_field() {
    let world = World::new();
    check!().with_type::<Vec<u8>>().for_each(|bytes| {
        assert!(world.finish(&String::from_utf8_lossy(bytes)).is_err());
        assert!(world.finish(&openssl::base64::encode_block(bytes)).is_err());
    });
}
