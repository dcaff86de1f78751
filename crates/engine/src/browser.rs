//! The person's own browser, opened from here and only for addresses that were checked.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tieline_catalog::host_allowed;
use url::{Host, Url};

use crate::error::{Code, Error, Result};

/// Opens addresses by the system's own means.
#[derive(Debug, Clone)]
pub struct Browser {
    opens: bool,
}

impl Browser {
    pub fn system() -> Self {
        Self { opens: true }
    }

    /// Checks addresses and opens none: somebody else (the link in the terminal, a test) takes them there.
    pub fn none() -> Self {
        Self { opens: false }
    }

    /// Hands `url` to the browser and returns at once; whether a page came up, only the person sees.
    ///
    /// # Errors
    /// [`Code::Refused`] unless it is https on a host of the list, or in practice mode http on this machine;
    /// [`Code::NotSetUp`] when there is nothing that opens addresses.
    pub fn open(&self, url: &Url, allowed_hosts: &[String], practice: bool) -> Result<()> {
        check(url, allowed_hosts, practice)?;
        if !self.opens {
            return Ok(());
        }
        launch(commands(url)).map_err(|_| {
            Error::new(
                Code::NotSetUp,
                "No browser could be opened on this computer.",
                "Copy the link and open it in a browser yourself.",
            )
        })
    }

    /// Hands an address that is no web page to the system: one of Tieline's own scheme, or a message to write.
    ///
    /// # Errors
    /// [`Code::NotSetUp`] when there is nothing that opens addresses.
    pub fn hand_over(&self, link: &str) -> Result<()> {
        let programs: &[(&str, &[&str])] = if cfg!(target_os = "macos") {
            &[("/usr/bin/open", &[])]
        } else if cfg!(target_os = "windows") {
            &[("rundll32", &["url.dll,FileProtocolHandler"])]
        } else {
            &[("xdg-open", &[]), ("gio", &["open"])]
        };
        let commands = programs.iter().map(|(program, arguments)| {
            let mut command = Command::new(program);
            command.args(*arguments).arg(link);
            command
        });
        launch(commands.collect()).map_err(|_| {
            Error::new(Code::NotSetUp, "Nothing on this computer opens addresses.", "Install xdg-utils.")
        })
    }
}

fn check(url: &Url, allowed_hosts: &[String], practice: bool) -> Result<()> {
    let plain = url.username().is_empty() && url.password().is_none();
    let right = match (practice, url.scheme(), url.host()) {
        (true, "http", Some(Host::Domain(name))) => name == "localhost",
        (true, "http", Some(Host::Ipv4(address))) => address.is_loopback(),
        (true, "http", Some(Host::Ipv6(address))) => address.is_loopback(),
        (false, "https", Some(_)) => host_allowed(allowed_hosts, url.host_str().unwrap_or_default()),
        _ => false,
    };
    if plain && right {
        return Ok(());
    }
    let host = url.host_str().unwrap_or("an address without a host");
    Err(Error::new(
        Code::Refused,
        format!("Tieline did not open {host}: it is not a sign-in address of this provider."),
        "Check the address you typed. If your organisation uses it, its administrator can add it to the \
         provider's file.",
    ))
}

/// What to try, in order. Each gets the address as one argument of its own; there is no shell.
fn commands(url: &Url) -> Vec<Command> {
    #[cfg(target_os = "macos")]
    let found = vec![command("/usr/bin/open", &[], url)];
    #[cfg(target_os = "windows")]
    let found = vec![command("rundll32", &["url.dll,FileProtocolHandler"], url)];
    #[cfg(not(any(target_os = "macos", target_os = "windows")))]
    let found = {
        let mut found = chosen(&std::env::var("BROWSER").unwrap_or_default(), url);
        found.extend([command("xdg-open", &[], url), command("gio", &["open"], url)]);
        found
    };
    found
}

fn command(program: &str, arguments: &[&str], url: &Url) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(url.as_str());
    command
}

/// `$BROWSER`: commands with colons between them; `%s` stands for the address, which else comes last.
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
fn chosen(browser: &str, url: &Url) -> Vec<Command> {
    let one = |text: &str| {
        let mut words = text.split_whitespace();
        let mut command = Command::new(words.next()?);
        let mut placed = false;
        for word in words {
            placed |= word.contains("%s");
            command.arg(word.replace("%s", url.as_str()));
        }
        if !placed {
            command.arg(url.as_str());
        }
        Some(command)
    };
    browser.split(':').filter_map(one).collect()
}

/// How soon a command fails when it could not open the address; a browser that ends later did open it.
const EARLY: Duration = Duration::from_secs(10);

/// Starts the first command there is. A thread of its own waits for it, and goes on to the next if it fails.
fn launch(commands: Vec<Command>) -> io::Result<()> {
    let mut commands = commands.into_iter();
    let mut child = start_one(&mut commands)?;
    std::thread::Builder::new().name("browser".into()).spawn(move || {
        loop {
            let started = Instant::now();
            if child.wait().is_ok_and(|status| status.success()) || started.elapsed() > EARLY {
                return;
            }
            match start_one(&mut commands) {
                Ok(next) => child = next,
                Err(_) => return tracing::warn!("nothing on this computer opened the browser"),
            }
        }
    })?;
    Ok(())
}

fn start_one(commands: &mut impl Iterator<Item = Command>) -> io::Result<Child> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for mut command in commands {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => return Ok(child),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(url: &str, practice: bool) -> bool {
        let hosts = ["*.zendesk.com".to_owned(), "slack.com".to_owned()];
        Browser::none().open(&Url::parse(url).unwrap(), &hosts, practice).is_ok()
    }

    #[test]
    fn only_https_on_listed_hosts() {
        assert!(opens("https://acme.zendesk.com/oauth/authorizations/new?state=x", false));
        for bad in [
            "http://acme.zendesk.com/",
            "https://zendesk.com.evil.example/",
            "https://user@acme.zendesk.com/",
            "https://evil.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://127.0.0.1:9/",
        ] {
            assert!(!opens(bad, false), "{bad}");
        }
    }

    #[test]
    fn practice_stays_on_this_machine() {
        assert!(opens("http://127.0.0.1:4000/authorize", true));
        assert!(opens("http://localhost:4000/authorize", true));
        assert!(opens("http://[::1]:4000/authorize", true));
        assert!(!opens("http://slack.com/", true));
        assert!(!opens("https://slack.com/", true));
    }

    #[test]
    fn a_refusal_names_the_host_and_not_the_query() {
        let url = Url::parse("https://evil.example/?state=canary").unwrap();
        let error = Browser::none().open(&url, &[], false).unwrap_err();
        assert!(error.message.contains("evil.example") && !error.to_string().contains("canary"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_browser_variable_is_honoured_and_a_failing_one_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("seen");
        let url = Url::parse("https://slack.com/?a=1;touch&b=$(id)").unwrap();
        let list = format!("no-such-browser-here:false:touch {} --", seen.display());
        let commands = chosen(&list, &url);
        assert_eq!(commands.len(), 3);
        let last: Vec<_> = commands[2].get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(last.last().unwrap(), url.as_str());

        let placed = chosen("firefox --url=%s", &url);
        let words: Vec<_> = placed[0].get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(words, [format!("--url={url}")]);

        launch(chosen(&format!("no-such-browser-here:false --:touch {} %s/x", seen.display()), &url))
            .unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while !seen.exists() {
            assert!(Instant::now() < until, "the third command never ran");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(launch(chosen("no-such-browser-here", &url)).is_err());
    }
}
