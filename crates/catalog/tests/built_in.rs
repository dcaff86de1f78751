//! Every built-in provider reads without a mistake.

use tieline_catalog::{BUILT_IN, Catalogue};

#[test]
fn every_built_in_provider_reads_and_its_parts_fit() {
    let (catalogue, mistakes) = Catalogue::built_in();
    assert_eq!(mistakes, []);
    assert_eq!(catalogue.iter().count(), BUILT_IN.len());
}
