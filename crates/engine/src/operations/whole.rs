//! The whole: status, keyring, settings, practice mode, and the proofs of what Tieline stands on.

use tieline_catalog::template;
use url::Url;

use super::wire::{
    Check, Checks, CloseWindow, ConnectionState, Keyring, KeyringState, Nothing, OpenPage, Press,
    PressAction, SetPractice, Settings, Status, UnlockKeyring,
};
use super::{setting_up, show};
use crate::app::{App, enter_practice_apps};
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::prove;
use crate::secret::Secret;
use crate::settings::{API_PORT, LOOPBACK_PORT};
use crate::vault::VaultState;
use crate::world::World;

pub(super) async fn status(app: &App, _: Nothing) -> Result<Status> {
    let world = app.world();
    let vault = world.vault.state().await;
    let connections = world.store.connections()?;
    let in_state = |wanted: &[ConnectionState]| {
        let count = connections.iter().filter(|it| wanted.contains(&show::state(it, vault))).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").into(),
        practice: world.practice.is_some(),
        practice_control: world.practice.as_ref().map(|practice| practice.practised.control.to_string()),
        keyring: keyring(&world, vault),
        sign_ins: u32::try_from(connections.len()).unwrap_or(u32::MAX),
        needs_you: in_state(&[ConnectionState::NeedsYou, ConnectionState::WaitingForAdmin]),
        queued: in_state(&[ConnectionState::Disconnecting]),
        data_folder: world.folder.display().to_string(),
    })
}

fn keyring(world: &World, vault: VaultState) -> Keyring {
    let (state, title, words) = match vault {
        VaultState::Unlocked => {
            (KeyringState::Unlocked, "Keyring unlocked", "Your system keeps the sign-ins.")
        }
        VaultState::Locked => (
            KeyringState::Locked,
            "Keyring locked",
            "Your system keeps the sign-ins and has locked them away. Unlock the keyring and everything goes on.",
        ),
        VaultState::Absent => (
            KeyringState::Absent,
            "No keyring",
            "This system has no keyring. Start one, or choose a file that is locked with a passphrase of yours.",
        ),
        VaultState::FileOpen => (
            KeyringState::FileOpen,
            "Passphrase file open",
            "The sign-ins are in a file that your passphrase locks.",
        ),
        VaultState::FileLocked => (
            KeyringState::FileLocked,
            "Passphrase file locked",
            "The sign-ins are in a file that your passphrase locks. Type it to go on.",
        ),
    };
    Keyring { state, title: title.into(), words: words.into(), place: world.vault.place() }
}

pub(super) async fn unlock_keyring(app: &App, ask: UnlockKeyring) -> Result<Keyring> {
    let world = app.world();
    match ask.passphrase.filter(|text| !text.is_empty()) {
        Some(passphrase) => world.vault.use_file(Secret::new(passphrase), ask.choose_file).await?,
        None if ask.choose_file => {
            return Err(Error::field("passphrase", "Type a passphrase of at least 8 characters."));
        }
        None => world.vault.unlock().await?,
    }
    // They could not be entered while there was no place for their secrets.
    enter_practice_apps(&world).await?;
    world.changed(Change::Keyring);
    world.sweep().await;
    Ok(keyring(&world, world.vault.state().await))
}

pub(super) async fn settings(app: &App, _: Nothing) -> Result<Settings> {
    app.world().store.settings()
}

pub(super) async fn save_settings(app: &App, ask: Settings) -> Result<Settings> {
    let world = app.world();
    let mut settings = ask;
    for text in [&mut settings.proxy, &mut settings.relay, &mut settings.admin_email, &mut settings.theme] {
        *text = text.trim().to_owned();
    }
    if !settings.relay.is_empty() {
        settings.relay = setting_up::relay_address(&settings.relay)?;
    }
    if let Some(port) = settings.loopback_port.filter(|port| *port < 1024) {
        return Err(Error::field(
            "loopback_port",
            format!("{port} belongs to the system. Choose a port between 1024 and 65535."),
        ));
    }
    if settings.api_port.is_some_and(|port| port < 1024) {
        return Err(Error::field(
            "api_port",
            "Ports below 1024 belong to the system. Choose one between 1024 and 65535.",
        ));
    }
    if settings.api
        && settings.api_port.unwrap_or(API_PORT) == settings.loopback_port.unwrap_or(LOOPBACK_PORT)
    {
        return Err(Error::field(
            "api_port",
            "Sign-ins come back to this port. Choose another one, 47824 for example.",
        ));
    }
    let port = settings.api_port.unwrap_or(API_PORT);
    if settings.api && app.serving().port != port {
        // Tried here, where the error stands at its field; whoever serves finds it free a moment later.
        std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).map_err(|_| {
            Error::field("api_port", format!("Another program listens at port {port}. Choose another one."))
        })?;
    }
    if !["", "ask", "go_on", "stop"].contains(&settings.when_closing.as_str()) {
        return Err(Error::field("when_closing", "Choose one of ask, go_on, stop."));
    }
    if !["", "system", "light", "dark"].contains(&settings.theme.as_str()) {
        return Err(Error::field("theme", "A theme is one of system, light, dark."));
    }
    let email = &settings.admin_email;
    if !email.is_empty()
        && (email.matches('@').count() != 1 || email.contains(char::is_whitespace) || email.len() > 254)
    {
        return Err(Error::field(
            "admin_email",
            "This is not an e-mail address. It looks like it@acme.example.",
        ));
    }
    world.use_network(&settings)?;
    world.store.save_settings(&settings)?;
    world.changed(Change::Settings);
    Ok(settings)
}

pub(super) async fn set_practice(app: &App, ask: SetPractice) -> Result<Status> {
    app.set_practice(ask.on).await?;
    status(app, Nothing {}).await
}

/// The window hears it as it hears every change.
pub(super) async fn close_window(app: &App, ask: CloseWindow) -> Result<Nothing> {
    app.world().changed(Change::Close { how: ask.how });
    Ok(Nothing {})
}

/// Opens a page that one of the providers' entries names, the practice providers' own, or a message to write.
pub(super) async fn open_page(app: &App, ask: OpenPage) -> Result<Nothing> {
    let world = app.world();
    let url = Url::parse(&ask.url).map_err(|_| Error::field("url", "This is not a web address."))?;
    if url.scheme() == "mailto" {
        if ask.url.len() > 16 * 1024 {
            return Err(Error::field("url", "The message is too long. Copy it instead."));
        }
        world.browser.hand_over(url.as_str())?;
        return Ok(Nothing {});
    }
    if let Some(practice) =
        world.practice.as_ref().filter(|practice| practice.practised.control.origin() == url.origin())
    {
        world.browser.open(
            &url,
            &[practice.practised.control.host_str().unwrap_or_default().to_owned()],
            true,
        )?;
        return Ok(Nothing {});
    }
    let own = app.serving().url.and_then(|own| Url::parse(&own).ok());
    if own.is_some_and(|own| own.origin() == url.origin()) {
        world.browser.open(&url, &[url.host_str().unwrap_or_default().to_owned()], true)?;
        return Ok(Nothing {});
    }
    let connections = world.store.connections()?;
    let known = {
        let catalogue = world.catalogue.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        catalogue.iter().any(|provider| {
            let pages = [Some(&provider.register.url), provider.grant_page.as_ref().map(|page| &page.url)];
            let filled = |template: &String| {
                let of_inputs = connections
                    .iter()
                    .filter(|it| it.provider == provider.id)
                    .map(crate::connection::Connection::fields);
                of_inputs
                    .chain([template::Fields::new()])
                    .any(|fields| template::fill_url(template, &fields).is_ok_and(|page| page == ask.url))
                    || template::matches(template, &ask.url)
            };
            pages.into_iter().flatten().any(filled)
        })
    };
    if !known {
        return Err(Error::field("url", "Tieline opens only the pages of its providers."));
    }
    world.browser.open(&url, &[url.host_str().unwrap_or_default().to_owned()], false)?;
    Ok(Nothing {})
}

pub(super) async fn check_way_back(app: &App, _: Nothing) -> Result<Checks> {
    let world = app.world();
    let mut checks = Vec::new();
    if world.scheme.is_some() {
        let (ok, words) = prove::deep_link(&world).await;
        checks.push(check("deep_link", "Straight back to Tieline", ok, words));
    }
    let (ok, words) = prove::loopback().await;
    checks.push(check("loopback", "This computer's own address", ok, words));
    let (ok, words) = prove::browser(&world).await;
    checks.push(check("browser", "Your browser", ok, words));
    Ok(Checks { checks })
}

pub(super) async fn doctor(app: &App, _: Nothing) -> Result<Checks> {
    let world = app.world();
    let vault = world.vault.state().await;
    let keyring = keyring(&world, vault);
    let open = matches!(vault, VaultState::Unlocked | VaultState::FileOpen);
    let mut checks = vec![Check {
        press: (!open).then(|| Press {
            label: "Unlock the keyring".into(),
            action: PressAction::UnlockKeyring,
            url: None,
        }),
        ..check(
            "keyring",
            "Keyring",
            open,
            format!("{}. {} ({})", keyring.title, keyring.words, keyring.place),
        )
    }];
    let writable = world.store.settings().and_then(|settings| world.store.save_settings(&settings));
    checks.push(check(
        "store",
        "Data folder",
        writable.is_ok(),
        match writable {
            Ok(()) => format!("{} can be written.", world.folder.display()),
            Err(error) => format!("{} {}", error.message, error.hint),
        },
    ));
    let count = world.catalogue.read().unwrap_or_else(std::sync::PoisonError::into_inner).iter().count();
    checks.push(match world.mistakes.as_slice() {
        [] => check("catalogue", "Services", true, format!("{count} services are described.")),
        mistakes => {
            let words: Vec<String> = mistakes.iter().map(|it| format!("{}: {}", it.file, it.says)).collect();
            check("catalogue", "Services", false, words.join("; "))
        }
    });
    let (ok, words) = prove::loopback().await;
    checks.push(check("loopback", "This computer's own address", ok, words));
    if world.scheme.is_some() {
        let failed = world.deep_link_failed.load(std::sync::atomic::Ordering::Relaxed);
        let words =
            if failed { "It did not arrive when it was tried; other ways are used." } else { "In use." };
        checks.push(check("deep_link", "Straight back to Tieline", !failed, words.into()));
    }
    let jumped = world.clock.jumped();
    checks.push(check(
        "clock",
        "Clock",
        jumped.abs() < 300,
        if jumped.abs() < 300 {
            "The clock runs evenly.".into()
        } else {
            format!("The clock moved by {} minutes since Tieline started. Sign-ins go on; their times may look odd.", jumped / 60)
        },
    ));
    let settings = world.store.settings()?;
    let network = world.use_network(&settings);
    checks.push(Check {
        press: network.is_err().then(|| Press {
            label: "Network settings".into(),
            action: PressAction::NetworkSettings,
            url: None,
        }),
        ..check(
            "network",
            "Network",
            network.is_ok(),
            match network {
                Ok(()) if !settings.proxy.is_empty() => format!("Through {}.", settings.proxy),
                Ok(()) => "As the system is set up.".into(),
                Err(error) => format!("{} {}", error.message, error.hint),
            },
        )
    });
    Ok(Checks { checks })
}

fn check(key: &str, title: &str, ok: bool, words: String) -> Check {
    Check { key: key.into(), title: title.into(), ok, words, press: None }
}

/// Fails in words where practice cannot be had.
pub(crate) fn no_practice() -> Error {
    Error::new(
        Code::NotSetUp,
        "This Tieline was started without practice providers.",
        "Start it in the usual way.",
    )
}
