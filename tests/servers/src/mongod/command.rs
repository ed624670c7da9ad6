//! One command over one connection: as much of MongoDB's protocol as starting a server needs, so that tests of
//! other databases need not build a driver.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use bson::Document;

use crate::keeper::DEADLINE;

// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
const OP_MSG: i32 = 2013;
/// Four numbers of four bytes, the flags, and the kind of the section.
const HEAD: usize = 21;

/// Sends `command` to the database `admin` and returns the answer, whatever it says.
pub(super) fn command(port: u16, command: &Document) -> Result<Document, Box<dyn Error>> {
    let mut command = command.clone();
    command.insert("$db", "admin");
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(DEADLINE))?;
    connection.write_all(&message(&command.to_vec()?)?)?;
    connection.read_exact(&mut [0; HEAD])?;
    Ok(Document::from_reader(connection)?)
}

fn message(body: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let length = i32::try_from(HEAD + body.len())?;
    let mut message = Vec::with_capacity(HEAD + body.len());
    for number in [length, 1, 0, OP_MSG, 0] {
        message.extend_from_slice(&number.to_le_bytes());
    }
    message.push(0);
    message.extend_from_slice(body);
    Ok(message)
}
