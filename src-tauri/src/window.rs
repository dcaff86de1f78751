//! The one window.

use tauri::webview::{Color, NewWindowResponse, PageLoadEvent};
use tauri::{App, AppHandle, Manager, UserAttentionType, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

/// The page's own ground, day and night, so that nothing flashes before it is painted.
const DAY: Color = Color(0xfc, 0xfc, 0xfa, 0xff);
const NIGHT: Color = Color(0x16, 0x18, 0x17, 0xff);

/// Opens the window, out of sight until its page stands.
pub fn open(app: &mut App) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, "main", WebviewUrl::App("index.html".into()))
        .title("Tieline")
        .inner_size(1200.0, 760.0)
        .min_inner_size(900.0, 600.0)
        .center()
        .visible(false)
        .disable_drag_drop_handler()
        // The page is ours alone: no link or script leads it, or a new window, anywhere else.
        .on_navigation(|url| {
            matches!(url.scheme(), "tauri" | "about") || url.host_str() == Some("tauri.localhost")
        })
        .on_new_window(|_url, _features| NewWindowResponse::Deny)
        .on_page_load(|window, page| {
            if page.event() == PageLoadEvent::Finished {
                show(&window);
            }
        })
        .build()?;
    let ground = if is_night(&window) { NIGHT } else { DAY };
    window.set_background_color(Some(ground))
}

/// The desktop is dark. Of a Linux desktop its colours tell: themes, settings and variables all end there.
#[cfg(target_os = "linux")]
fn is_night(window: &WebviewWindow) -> bool {
    use gtk::prelude::{StyleContextExt, WidgetExt};

    let ground =
        window.gtk_window().ok().and_then(|window| window.style_context().lookup_color("theme_bg_color"));
    ground.is_some_and(|ground| ground.red() + ground.green() + ground.blue() < 1.5)
}

#[cfg(not(target_os = "linux"))]
fn is_night(window: &WebviewWindow) -> bool {
    window.theme().is_ok_and(|theme| theme == tauri::Theme::Dark)
}

/// In front of everything, also when it was minimised.
pub fn raise(app: &AppHandle) {
    if let Some(window) = app.get_webview_window("main") {
        let tried = [window.unminimize(), window.show(), window.set_focus()];
        for why in tried.into_iter().filter_map(Result::err) {
            tracing::warn!("the window could not be raised: {why}");
        }
    }
}

/// Makes the desktop point at the window, which stays where it is: somebody may be typing elsewhere.
pub fn ask_for_attention(app: &AppHandle) {
    if let Some(window) = app.get_webview_window("main")
        && let Err(why) = window.request_user_attention(Some(UserAttentionType::Informational))
    {
        tracing::warn!("the desktop could not be asked to point at the window: {why}");
    }
}

fn show(window: &WebviewWindow) {
    if let Err(why) = window.show().and_then(|()| window.set_focus()) {
        tracing::warn!("the window could not be shown: {why}");
    }
}
