//! The window. It knows no rule of the product: it shows the page, passes `call` to the engine, passes on what changed,
//! and hands every address that the desktop brings to the engine.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod closing;
mod door;
#[cfg(target_os = "linux")]
mod instance;
mod links;
mod log;
mod practice;
#[cfg(target_os = "linux")]
mod scheme;
mod serving;
mod start;
mod window;

fn main() {
    // The same program takes text out of documents, in a process that may fall.
    tieline_engine::extract_if_asked();
    let start = start::Start::read(std::env::args().skip(1));
    let context = context();

    let built = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, args, _folder| links::second_start(app, args)))
        .plugin(tauri_plugin_deep_link::init())
        .invoke_handler(tauri::generate_handler![door::call])
        .setup(move |app| {
            let folder = start.folder(app)?;
            #[cfg(target_os = "linux")]
            instance::be_the_only_one(app, &folder);
            log::start(&folder);
            let addressed = links::register(app);
            door::open(app, &start, addressed);
            links::listen(app, &start.links);
            window::open(app)?;
            Ok(())
        })
        .build(context);
    match built {
        Ok(app) => app.run(door::on_event),
        Err(why) => {
            tracing::error!("the window could not be opened: {why}");
            eprintln!(
                "Tieline's window could not be opened: {why}. The command line, `tieline`, does the same job."
            );
            std::process::exit(1);
        }
    }
}

/// The configuration. A developer's build goes by another name, so that it neither takes the installed Tieline's
/// addresses nor raises its window.
fn context() -> tauri::Context {
    let mut context = tauri::generate_context!();
    let config = context.config_mut();
    config.identifier = start::scheme().to_owned();
    let schemes = serde_json::json!({ "desktop": { "schemes": [start::scheme()] } });
    config.plugins.0.insert("deep-link".into(), schemes);
    context
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use tauri::ipc::Origin;

    use super::*;

    /// Every command there is, from Tauri's own list of what its parts and plugins offer.
    fn every_command() -> BTreeSet<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("gen/schemas/acl-manifests.json");
        let text = std::fs::read_to_string(path).unwrap();
        let manifests: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut commands = BTreeSet::new();
        for (plugin, manifest) in manifests.as_object().unwrap() {
            for permission in manifest["permissions"].as_object().unwrap().values() {
                for command in permission["commands"]["allow"].as_array().unwrap() {
                    let command = command.as_str().unwrap();
                    commands.insert(match plugin.as_str() {
                        "__app-acl__" => command.to_owned(),
                        plugin => {
                            format!("plugin:{}|{command}", plugin.replace(':', "|").replace("core|", ""))
                        }
                    });
                }
            }
        }
        commands
    }

    #[test]
    fn security_30_the_page_may_call_the_door_and_listen_and_nothing_else() {
        let commands = every_command();
        assert!(commands.contains("call") && commands.contains("plugin:deep-link|register"), "{commands:#?}");
        let mut context = context();
        let authority = context.runtime_authority_mut();
        let allowed = |window: &str, origin: &Origin| -> Vec<String> {
            let may = |command: &&String| authority.resolve_access(command, window, window, origin).is_some();
            commands.iter().filter(may).cloned().collect()
        };
        assert_eq!(allowed("main", &Origin::Local), ["call", "plugin:event|listen", "plugin:event|unlisten"]);
        assert_eq!(allowed("another", &Origin::Local), [""; 0]);
        let foreign = Origin::Remote { url: "https://provider.example/".parse().unwrap() };
        assert_eq!(allowed("main", &foreign), [""; 0]);
    }

    #[test]
    fn security_30_the_policy_names_no_remote_origin_and_no_eval() {
        let mut context = context();
        let security = context.config_mut().app.security.clone();
        let policy = security.csp.unwrap().to_string();
        for word in policy.split([' ', ';']).filter(|word| !word.is_empty()) {
            let known = ["'self'", "'none'", "data:", "ipc:", "http://ipc.localhost"].contains(&word);
            assert!(
                known || word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'),
                "{word}"
            );
        }
        assert!(policy.contains("default-src 'none'"));
        assert!(security.freeze_prototype);
        assert!(!context.config_mut().app.with_global_tauri);
        assert!(security.dev_csp.is_none());
    }
}
