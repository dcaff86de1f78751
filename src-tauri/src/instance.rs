//! One window per data folder, also where no session bus tells the single-instance plugin of another one: a lock on the
//! folder, and a socket beside it on which a second start hands over its arguments.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use tauri::{App, Manager};
use tauri_plugin_deep_link::DeepLinkExt;

use crate::links;

/// Bytes of arguments that are read at most; an address has 8,192 at most.
const LONGEST: u64 = 64 * 1024;

/// Held for as long as the program runs.
struct Hold(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

/// Goes on as the folder's one window, or hands the arguments to the one there is and ends the process. A folder that
/// cannot be written is the engine's to explain.
pub fn be_the_only_one(app: &App, folder: &Path) {
    let args: Vec<String> = std::env::args().collect();
    match claim(folder) {
        Ok(Some(lock)) => {
            app.manage(Hold(lock));
            let handle = app.handle().clone();
            let heard = listen(folder, move |args| {
                // As the single-instance plugin does before its own callback.
                handle.deep_link().handle_cli_arguments(args.iter());
                links::second_start(&handle, args);
            });
            if let Err(why) = heard {
                tracing::warn!("a second start cannot be heard: {why}");
            }
        }
        Ok(None) => match hand_over(folder, &args) {
            Ok(()) => std::process::exit(0),
            Err(why) => {
                eprintln!("Tieline is open already, and could not be reached ({why}). Look for its window.");
                std::process::exit(1);
            }
        },
        Err(why) => tracing::warn!("{} cannot be locked: {why}", folder.display()),
    }
}

/// The lock, or none where another process has it.
fn claim(folder: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(folder)?;
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("window.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(why)) => Err(why),
    }
}

fn listen(folder: &Path, heard: impl Fn(Vec<String>) + Send + 'static) -> io::Result<()> {
    let path = folder.join("window.socket");
    match fs::remove_file(&path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    private(&path)?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            match stream.and_then(read) {
                Ok(args) => heard(args),
                Err(why) => tracing::warn!("a second start could not be heard: {why}"),
            }
        }
    });
    Ok(())
}

/// Only this person's processes may hand anything over.
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

fn read(stream: UnixStream) -> io::Result<Vec<String>> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut answer = stream.try_clone()?;
    let mut text = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut text)?;
    let args = serde_json::from_str(&text)?;
    answer.write_all(b"ok\n")?;
    Ok(args)
}

fn hand_over(folder: &Path, args: &[String]) -> io::Result<()> {
    let mut stream = UnixStream::connect(folder.join("window.socket"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("{}\n", serde_json::to_string(args)?).as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer == "ok\n" { Ok(()) } else { Err(io::Error::other("it did not answer")) }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_second_start_hands_its_arguments_to_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let lock = claim(folder.path()).unwrap().unwrap();
        assert!(claim(folder.path()).unwrap().is_none(), "the second start must not get the folder");
        let (say, hear) = mpsc::channel();
        listen(folder.path(), move |args| say.send(args).unwrap()).unwrap();
        let args =
            ["tieline-desktop".to_owned(), "app.tieline.desktop://integrations/box?code=1\n2".to_owned()];
        hand_over(folder.path(), &args).unwrap();
        assert_eq!(hear.recv_timeout(Duration::from_secs(2)).unwrap(), args);

        // Nonsense on the socket disturbs nobody.
        UnixStream::connect(folder.path().join("window.socket")).unwrap().write_all(b"nonsense\n").unwrap();
        hand_over(folder.path(), &args[..1]).unwrap();
        assert_eq!(hear.recv_timeout(Duration::from_secs(2)).unwrap(), args[..1]);
        drop(lock);
        assert!(claim(folder.path()).unwrap().is_some(), "a process that ended leaves the folder free");
    }
}
