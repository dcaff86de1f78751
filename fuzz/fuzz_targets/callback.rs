//! An address from outside, as it comes by deep link or is pasted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_engine::callback::parse_return;

fuzz_target!(|address: &str| match parse_return(address) {
    Ok((place, callback)) => {
        assert!(place.path.is_empty() || place.path.starts_with('/'));
        assert_eq!(place.path, callback.path);
        // Put together and taken apart again it stays what it is; before, characters may still have been encoded.
        let read = |place: &tieline_engine::callback::Return| {
            parse_return(&place.url()).expect("it is still an address").0
        };
        let again = read(&place);
        assert_eq!(read(&again), again);
        // What is repeated is as good as absent, and nothing is printed but names.
        assert!(
            !callback.has_duplicates() || callback.query.iter().any(|(name, _)| callback.get(name).is_none())
        );
        let _printed = format!("{place:?} {callback:?}");
    }
    Err(error) => assert_eq!(error.field.as_deref(), Some("address")),
});
