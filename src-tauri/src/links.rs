//! Addresses that the desktop brings (the way back from the browser), and a second start of the program. The page never
//! sees an address: it goes straight to the engine.

use tauri::{App, AppHandle, Manager};
use tauri_plugin_deep_link::DeepLinkExt;

use crate::{door, start, window};

/// The addresses the program was started with, and those that come while it runs. `others` are those that the deep-link
/// plugin does not take.
pub fn listen(app: &mut App, others: &[String]) {
    for link in others {
        door::deliver(app.handle(), link.clone());
    }
    // The start's address is in `get_current` and is not announced again.
    match app.deep_link().get_current() {
        Ok(links) => {
            for link in links.unwrap_or_default() {
                door::deliver(app.handle(), link.into());
            }
        }
        Err(why) => tracing::warn!("the address this start came with could not be read: {why}"),
    }
    let handle = app.handle().clone();
    app.deep_link().on_open_url(move |event| {
        for link in event.urls() {
            door::deliver(&handle, link.into());
        }
        window::raise(&handle);
    });
}

/// Somebody started Tieline again, or the desktop did to bring an address. `args` begin with the program's name.
pub fn second_start(app: &AppHandle, args: Vec<String>) {
    for link in start::links(args.get(1..).unwrap_or_default()) {
        door::deliver(app, link);
    }
    window::raise(app);
}

/// Tells the desktop that our addresses come here. Where that fails, sign-ins take another way back.
#[cfg(target_os = "linux")]
pub fn register(app: &App) -> bool {
    use crate::scheme::{Desktop, register};

    let paths = app.path();
    let (Ok(data), Ok(config), Ok(program)) = (paths.data_dir(), paths.config_dir(), std::env::current_exe())
    else {
        tracing::warn!(
            "this system names no folder for desktop entries, so addresses do not come back by themselves"
        );
        return false;
    };
    let program = app.env().appimage.map_or(program, Into::into);
    let desktop = Desktop { data, config, scheme: start::scheme().into() };
    let done = register(&desktop, &program);
    match &done {
        Ok(how) => tracing::info!("{}: addresses come to this program ({how})", start::scheme()),
        Err(why) => tracing::warn!("{}: the desktop could not be told: {why}", start::scheme()),
    }
    done.is_ok()
}

#[cfg(target_os = "windows")]
pub fn register(app: &App) -> bool {
    let done = app.deep_link().register_all();
    if let Err(why) = &done {
        tracing::warn!("{}: Windows could not be told: {why}", start::scheme());
    }
    done.is_ok()
}

/// macOS reads the scheme from the bundle.
#[cfg(not(any(target_os = "linux", target_os = "windows")))]
pub fn register(_app: &App) -> bool {
    true
}
