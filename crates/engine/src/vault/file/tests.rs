use super::*;

/// As little as Argon2 allows, so that many files can be made.
const CHEAP: Cost = Cost { kib: 8, passes: 1, lanes: 1 };

fn at(path: &Path) -> PassphraseFile {
    PassphraseFile { cost: CHEAP, ..PassphraseFile::at(path.to_owned()) }
}

fn made(folder: &Path) -> PassphraseFile {
    let file = at(&folder.join("vault"));
    file.create(&Secret::new("correct horse")).unwrap();
    file
}

fn text(file: &PassphraseFile, entry: &str) -> Option<String> {
    file.get(entry).unwrap().map(|value| value.expose().to_owned())
}

#[test]
fn what_was_put_in_is_there_for_who_knows_the_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(folder.path());
    file.set("a", Secret::new("canary")).unwrap();
    file.set("b", Secret::new("x".repeat(65_536))).unwrap();
    file.delete("b").unwrap();
    file.delete("b").unwrap();

    let again = at(&folder.path().join("vault"));
    assert!(again.exists() && !again.is_open());
    assert_eq!(again.get("a").unwrap_err().code, Code::KeyringLocked);
    again.open(&Secret::new("correct horse")).unwrap();
    assert_eq!(text(&again, "a").as_deref(), Some("canary"));
    assert_eq!(text(&again, "b"), None);

    let bytes = fs::read(folder.path().join("vault")).unwrap();
    assert!(!bytes.windows(6).any(|six| six == b"canary"));
}

#[test]
fn a_wrong_passphrase_and_damage_anywhere_look_alike() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path()).set("a", Secret::new("value")).unwrap();
    let path = folder.path().join("vault");
    let whole = fs::read(&path).unwrap();
    let wrong = at(&path).open(&Secret::new("wrong horse")).unwrap_err();
    assert_eq!(wrong.field.as_deref(), Some("passphrase"));

    for at_byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at_byte] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(at(&path).open(&Secret::new("correct horse")).unwrap_err(), wrong, "byte {at_byte}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(at(&path).open(&Secret::new("correct horse")).unwrap_err(), wrong, "{length} bytes");
    }
    fs::write(&path, &whole).unwrap();
    at(&path).open(&Secret::new("correct horse")).unwrap();
}

#[test]
fn a_header_that_asks_for_all_memory_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let path = folder.path().join("vault");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    assert!(at(&path).open(&Secret::new("correct horse")).is_err());
}

#[test]
fn a_new_file_needs_a_passphrase_worth_the_name_and_a_free_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = at(&folder.path().join("vault"));
    assert_eq!(file.open(&Secret::new("correct horse")).unwrap_err().code, Code::NotSetUp);
    assert_eq!(file.create(&Secret::new("1234567")).unwrap_err().field.as_deref(), Some("passphrase"));
    assert!(!file.exists());
    // Eight characters, not bytes.
    assert!(file.create(&Secret::new("äöüßäöü")).is_err());
    file.create(&Secret::new("äöüßäöüß")).unwrap();
    assert_eq!(
        at(&folder.path().join("vault")).create(&Secret::new("correct horse")).unwrap_err().code,
        Code::Conflict
    );
}

#[test]
fn two_owners_see_and_keep_each_others_changes() {
    let folder = tempfile::tempdir().unwrap();
    let one = made(folder.path());
    let two = at(&folder.path().join("vault"));
    two.open(&Secret::new("correct horse")).unwrap();
    std::thread::scope(|scope| {
        for (file, name) in [(&one, "one"), (&two, "two")] {
            scope.spawn(move || {
                for number in 0..20 {
                    file.set(&format!("{name}{number}"), Secret::new("v")).unwrap();
                }
            });
        }
    });
    for file in [&one, &two] {
        for number in 0..20 {
            assert!(
                text(file, &format!("one{number}")).is_some()
                    && text(file, &format!("two{number}")).is_some()
            );
        }
    }
}

#[test]
fn a_file_replaced_under_another_passphrase_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(folder.path());
    fs::remove_file(folder.path().join("vault")).unwrap();
    assert_eq!(file.get("a").unwrap_err().code, Code::Storage);
    at(&folder.path().join("vault")).create(&Secret::new("another horse")).unwrap();
    assert_eq!(file.get("a").unwrap_err().code, Code::KeyringLocked);
    assert!(!file.is_open());
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    fs::write(folder.path().join("vault.new"), "left behind").unwrap();
    fs::set_permissions(folder.path().join("vault.new"), fs::Permissions::from_mode(0o666)).unwrap();
    made(folder.path()).set("a", Secret::new("v")).unwrap();
    for name in [&path, &folder.path().join("vault.lock")] {
        assert_eq!(fs::metadata(name).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!folder.path().join("vault.new").exists());
}

#[test]
fn a_write_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(folder.path());
    file.set("a", Secret::new("old")).unwrap();
    // In the way of the new file, and not to be removed like one.
    fs::create_dir(folder.path().join("vault.new")).unwrap();
    assert_eq!(file.set("a", Secret::new("new")).unwrap_err().code, Code::Storage);
    assert_eq!(file.delete("a").unwrap_err().code, Code::Storage);
    assert_eq!(text(&file, "a").as_deref(), Some("old"));
}
