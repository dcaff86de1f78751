//! What Gmail, Google Drive and Google Cloud Storage have in common.
