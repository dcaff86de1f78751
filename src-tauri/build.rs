//! Names the one command, so that a window needs a capability even for it.

fn main() {
    let commands = tauri_build::AppManifest::new().commands(&["call"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))
        .expect("tauri.conf.json and the capabilities are well formed");
}
