//! The scheme's handler on Linux. Two readers must understand it: desktops (`gio`, KDE), which follow the desktop-entry
//! specification, and the plain `xdg-open` of xdg-utils 1.1.3, which takes the first word of `Exec` as it stands and so
//! trips over quotes. A path that needs no quotes serves both.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a desktop keeps its entries, and our scheme.
pub struct Desktop {
    /// `$XDG_DATA_HOME`
    pub data: PathBuf,
    /// `$XDG_CONFIG_HOME`
    pub config: PathBuf,
    pub scheme: String,
}

impl Desktop {
    fn applications(&self) -> PathBuf {
        self.data.join("applications")
    }

    fn entry(&self) -> String {
        format!("{}.handler.desktop", self.scheme)
    }

    fn mime(&self) -> String {
        format!("x-scheme-handler/{}", self.scheme)
    }
}

/// Makes `program` the handler of the scheme, and reads back that it is. Answers how.
///
/// An entry of the package that leads here already is left alone.
pub fn register(desktop: &Desktop, program: &Path) -> io::Result<String> {
    if let Some((entry, _)) = handler(desktop).filter(|(_, leads_to)| same(leads_to, program)) {
        return Ok(format!("{} leads here already", entry.display()));
    }
    let applications = desktop.applications();
    fs::create_dir_all(&applications)?;
    let exec = exec(&plain_path(desktop, program)?);
    let text = format!(
        "[Desktop Entry]\nType=Application\nName=Tieline\nComment=Brings sign-ins back to Tieline\n\
         Exec={exec} %u\nTerminal=false\nNoDisplay=true\nMimeType={};\n",
        desktop.mime()
    );
    replace(&applications.join(desktop.entry()), &text)?;
    fs::create_dir_all(&desktop.config)?;
    let list = desktop.config.join("mimeapps.list");
    let before = match fs::read_to_string(&list) {
        Ok(text) => text,
        Err(why) if why.kind() == io::ErrorKind::NotFound => String::new(),
        Err(why) => return Err(why),
    };
    replace(&list, &with_default(&before, &desktop.mime(), &desktop.entry()))?;
    // Some desktops read only this cache, others have no such program.
    let _ = quiet("update-desktop-database").arg(&applications).status();

    match handler(desktop) {
        Some((entry, leads_to)) if same(&leads_to, program) => Ok(format!("{} was written", entry.display())),
        Some((entry, _)) => Err(io::Error::other(format!("{} stands before ours", entry.display()))),
        None => Err(io::Error::other("no handler can be read back")),
    }
}

/// The entry that the desktop takes for the scheme, and the program it starts.
fn handler(desktop: &Desktop) -> Option<(PathBuf, PathBuf)> {
    let asked =
        quiet("xdg-mime").stdout(Stdio::piped()).args(["query", "default", &desktop.mime()]).output().ok();
    let told =
        asked.map(|asked| String::from_utf8_lossy(&asked.stdout).trim().to_owned()).unwrap_or_default();
    // Without xdg-utils the list itself tells.
    let entry = if told.is_empty() { default_in(desktop)? } else { told };
    let system = std::env::var("XDG_DATA_DIRS").unwrap_or_else(|_| "/usr/local/share:/usr/share".into());
    let folders = std::iter::once(desktop.data.clone()).chain(std::env::split_paths(&system));
    let path = folders.map(|folder| folder.join("applications").join(&entry)).find(|path| path.is_file())?;
    let text = fs::read_to_string(&path).ok()?;
    let exec = text.lines().find_map(|line| line.strip_prefix("Exec="))?;
    Some((path, program_of(exec)?))
}

fn default_in(desktop: &Desktop) -> Option<String> {
    let text = fs::read_to_string(desktop.config.join("mimeapps.list")).ok()?;
    let start = format!("{}=", desktop.mime());
    let line = text.lines().find_map(|line| line.strip_prefix(&start))?;
    line.split(';').find(|entry| !entry.is_empty()).map(str::to_owned)
}

/// The program that an `Exec` line gives an address to, looked up as a shell would. Without a place for the address,
/// `gio` starts the program and leaves the address out.
fn program_of(exec: &str) -> Option<PathBuf> {
    if !exec.split_whitespace().any(|word| matches!(word, "%u" | "%U")) {
        return None;
    }
    let word = match exec.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?.to_owned(),
        None => exec.split_whitespace().next()?.to_owned(),
    };
    if word.contains('/') {
        return Some(PathBuf::from(word));
    }
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(&word))
        .find(|path| path.is_file())
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// A way to the program that needs no quotes: its own path, or a link to it in the data folder.
fn plain_path(desktop: &Desktop, program: &Path) -> io::Result<PathBuf> {
    if is_plain(program.as_os_str()) {
        return Ok(program.to_owned());
    }
    let link = desktop.data.join(&desktop.scheme).join("program");
    if !is_plain(link.as_os_str()) {
        // Quotes then: desktops understand them, plain `xdg-open` does not.
        return Ok(program.to_owned());
    }
    fs::create_dir_all(link.parent().unwrap_or(&desktop.data))?;
    if fs::symlink_metadata(&link).is_ok() {
        fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(program, &link)?;
    Ok(link)
}

fn is_plain(path: &OsStr) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@:,".contains(letter);
    path.to_str().is_some_and(|path| path.chars().all(plain))
}

/// The program as an `Exec` word, quoted and escaped by the desktop-entry specification where it must be.
fn exec(program: &Path) -> String {
    let path = program.to_string_lossy();
    if is_plain(program.as_os_str()) {
        return path.into_owned();
    }
    let mut quoted = String::from("\"");
    for letter in path.chars() {
        match letter {
            // Once for the quotes, once more for the string that holds them.
            '"' | '`' | '$' => quoted.extend(["\\\\", letter.encode_utf8(&mut [0; 4])]),
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// `mimeapps.list` with our entry as the default of the type. Everything else stays as it is, line by line.
fn with_default(list: &str, mime: &str, entry: &str) -> String {
    const GROUP: &str = "[Default Applications]";
    let ours = format!("{mime}={entry}");
    let mut lines = Vec::new();
    let (mut inside, mut done) = (false, false);
    for line in list.lines() {
        if line.trim_start().starts_with('[') {
            inside = line.trim() == GROUP;
            lines.push(line.to_owned());
            if inside && !done {
                lines.push(ours.clone());
                done = true;
            }
            continue;
        }
        let theirs = line.split_once('=').is_some_and(|(key, _)| key.trim() == mime);
        if !(inside && theirs) {
            lines.push(line.to_owned());
        }
    }
    if !done {
        lines.extend([GROUP.to_owned(), ours]);
    }
    lines.join("\n") + "\n"
}

/// Writes beside and renames, so that a full disk does not cost the person their list. An unchanged file is left alone.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    // A list that is a link (dotfiles kept elsewhere) stays one.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut beside = path.clone().into_os_string();
    beside.push(".tieline");
    fs::write(&beside, text)?;
    fs::rename(&beside, &path)
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIME: &str = "x-scheme-handler/a.b";

    #[test]
    fn the_default_is_set_and_the_rest_of_the_list_stays() {
        assert_eq!(
            with_default("", MIME, "o.desktop"),
            format!("[Default Applications]\n{MIME}=o.desktop\n")
        );
        let before = format!(
            "# mine\n[Added Associations]\n{MIME}=x.desktop;\n\n[Default Applications]\ntext/html=w.desktop\n{MIME}=old.desktop\n"
        );
        let after = with_default(&before, MIME, "o.desktop");
        let expected = format!(
            "# mine\n[Added Associations]\n{MIME}=x.desktop;\n\n[Default Applications]\n{MIME}=o.desktop\ntext/html=w.desktop\n"
        );
        assert_eq!(after, expected);
        assert_eq!(with_default(&after, MIME, "o.desktop"), after);
    }

    #[test]
    fn a_path_is_quoted_only_where_it_must_be() {
        assert_eq!(exec(Path::new("/opt/tie-line_1.0/t")), "/opt/tie-line_1.0/t");
        assert_eq!(exec(Path::new("/opt/my apps/t")), "\"/opt/my apps/t\"");
        assert_eq!(exec(Path::new("/opt/50%/$t")), "\"/opt/50%%/\\\\$t\"");
    }

    #[test]
    fn a_program_in_a_folder_with_spaces_gets_a_plain_way() {
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("my apps").join("tieline");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "").unwrap();
        let desktop = Desktop {
            data: home.path().join("data"),
            config: home.path().join("config"),
            scheme: "a.b".into(),
        };
        for _ in 0..2 {
            let plain = plain_path(&desktop, &program).unwrap();
            assert!(is_plain(plain.as_os_str()), "{}", plain.display());
            assert!(same(&plain, &program));
        }
    }

    #[test]
    fn the_program_of_an_entry_is_found() {
        assert_eq!(program_of("\"/opt/my apps/t\" %u"), Some("/opt/my apps/t".into()));
        assert_eq!(program_of("/opt/t %u"), Some("/opt/t".into()));
        assert!(program_of("sh %u").is_some_and(|path| path.ends_with("sh")));
        assert_eq!(program_of("no-such-program-anywhere %u"), None);
        assert_eq!(program_of("/opt/t"), None, "the address would be lost");
    }
}
