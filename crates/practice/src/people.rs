//! The people of Acme who can sign in at a practice provider.

use serde::Serialize;
use sha2::{Digest, Sha256};

#[derive(Debug, Serialize)]
pub struct Person {
    /// What forms and stored grants call them.
    pub id: &'static str,
    pub given: &'static str,
    pub family: &'static str,
    pub name: &'static str,
    pub email: &'static str,
    pub job: &'static str,
}

pub static PEOPLE: [Person; 3] = [
    Person {
        id: "maya",
        given: "Maya",
        family: "Lind",
        name: "Maya Lind",
        email: "maya.lind@acme.example",
        job: "Head of support, administrator",
    },
    Person {
        id: "jonas",
        given: "Jonas",
        family: "Berg",
        name: "Jonas Berg",
        email: "jonas.berg@acme.example",
        job: "Account executive",
    },
    Person {
        id: "amara",
        given: "Amara",
        family: "Okafor",
        name: "Amara Okafor",
        email: "amara.okafor@acme.example",
        job: "Research",
    },
];

impl Person {
    pub fn find(id: &str) -> Option<&'static Person> {
        PEOPLE.iter().find(|person| person.id == id)
    }

    /// The one who signs in when the fault "another account" is on.
    pub fn somebody_else(&self) -> &'static Person {
        let here = PEOPLE.iter().position(|person| person.id == self.id).unwrap_or(0);
        &PEOPLE[(here + 1) % PEOPLE.len()]
    }

    /// The person's number at a provider: always the same, `length` digits (at most 18), no leading zero.
    pub fn digits(&self, realm: &str, length: usize) -> String {
        let low = 10_u64.pow(length.clamp(1, 18) as u32 - 1);
        let mut eight = [0; 8];
        eight.copy_from_slice(&self.digest(realm)[..8]);
        (low + u64::from_be_bytes(eight) % (low * 9)).to_string()
    }

    /// The person's id at a provider in `length` hexadecimal digits (at most 64).
    pub fn hex(&self, realm: &str, length: usize) -> String {
        let mut text: String = self.digest(realm).iter().map(|byte| format!("{byte:02x}")).collect();
        text.truncate(length);
        text
    }

    pub fn uuid(&self, realm: &str) -> String {
        let hex = self.hex(realm, 32);
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    fn digest(&self, realm: &str) -> [u8; 32] {
        Sha256::digest(format!("{realm}/{}", self.id)).into()
    }
}
