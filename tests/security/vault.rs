//! The passphrase file, where a computer has no keyring.

use tieline_engine::vault::{Vault, VaultState};
use tieline_engine::{Error, Secret};

const RIGHT: &str = "correct horse battery";

async fn opened(path: &std::path::Path, passphrase: &str) -> Result<Vault, Error> {
    let vault = Vault::open("app.tieline.desktop.test", path.to_owned());
    vault.use_file(Secret::new(passphrase), false).await.map(|()| vault)
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_every_byte_is_authenticated_and_damage_looks_like_a_wrong_passphrase() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let vault = Vault::open("app.tieline.desktop.test", path.clone());
    vault.use_file(Secret::new(RIGHT), true).await.expect("it is made");
    vault.set("connection/c1/1", &Secret::new("canary-token")).await.expect("it is stored");
    let whole = std::fs::read(&path).expect("a file");
    assert!(!whole.windows(6).any(|window| window == b"canary"), "it is not readable");
    assert!(!whole.windows(10).any(|window| window == b"connection"), "nor are the entries' names");

    let wrong = opened(&path, "correct horse batterz").await.err().expect("the wrong passphrase");
    assert_eq!(wrong.field.as_deref(), Some("passphrase"));
    // Magic, version, memory, passes, lanes, salt, nonce, text, tag.
    for at in [0, 7, 8, 9, 12, 16, 20, 35, 36, 59, 60, whole.len() - 17, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(&path, &damaged).expect("written");
        let error =
            opened(&path, RIGHT).await.err().unwrap_or_else(|| panic!("byte {at} is not authenticated"));
        assert_eq!(error, wrong, "byte {at} gives itself away");
    }
    for length in [0, 7, 20, 36, 60, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).expect("written");
        assert_eq!(opened(&path, RIGHT).await.err().as_ref(), Some(&wrong), "cut to {length}");
    }

    std::fs::write(&path, &whole).expect("written");
    let again = opened(&path, RIGHT).await.expect("untouched, it opens");
    assert_eq!(again.state().await, VaultState::FileOpen);
    let found = again.get("connection/c1/1").await.expect("open").expect("stored");
    assert_eq!(found.expose(), "canary-token");
}

/// RFC 9106 §4: at least 64 MiB and three passes.
#[tokio::test(flavor = "multi_thread")]
async fn s34_the_file_says_what_its_key_cost() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let vault = Vault::open("app.tieline.desktop.test", path.clone());
    vault.use_file(Secret::new(RIGHT), true).await.expect("it is made");
    let bytes = std::fs::read(&path).expect("a file");
    assert_eq!(&bytes[..8], b"TIELINE\x01");
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert!(
        number(8) >= 64 * 1024 && number(12) >= 3 && number(16) >= 1,
        "{} {} {}",
        number(8),
        number(12),
        number(16)
    );

    let second = folder.path().join("second");
    let other = Vault::open("app.tieline.desktop.test", second.clone());
    other.use_file(Secret::new(RIGHT), true).await.expect("it is made");
    let others = std::fs::read(&second).expect("a file");
    assert_ne!(bytes[20..36], others[20..36], "a salt of its own");
    assert_ne!(bytes[36..60], others[36..60], "a nonce of its own");
    vault.set("a", &Secret::new("b")).await.expect("stored");
    assert_ne!(bytes[36..60], std::fs::read(&path).expect("a file")[36..60], "a new nonce with each change");
}
