//! Plain text and Markdown, which is made to be read as it is.

use crate::{Reason, charset, sink::Sink};

pub(crate) fn read(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    sink.verbatim(&charset::decode(bytes, None)?);
    Ok(())
}
