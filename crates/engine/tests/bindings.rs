//! The UI's types are made from the operations and committed; this fails when they are stale.

use std::path::Path;

#[test]
fn the_committed_types_are_those_of_the_operations() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/api/bindings.ts");
    let made = tieline_engine::typescript();
    if std::env::var_os("TIELINE_WRITE_TYPES").is_some() {
        std::fs::write(&file, &made).expect("the types can be written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "ui/src/api/bindings.ts is stale: run `cargo xtask types`");
}
