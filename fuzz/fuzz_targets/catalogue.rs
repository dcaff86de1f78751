//! A provider file that an organisation wrote.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tieline_catalog::{Catalogue, normalise};

fuzz_target!(|text: &str| match Catalogue::parse(text) {
    Ok(provider) => {
        let typed: BTreeMap<String, String> =
            provider.inputs.iter().map(|input| (input.key.clone(), input.example.clone())).collect();
        let read = normalise(&provider, &typed);
        provider.inputs.iter().for_each(|input| drop(read.preview(input)));
    }
    Err(says) => assert!(!says.is_empty()),
});
