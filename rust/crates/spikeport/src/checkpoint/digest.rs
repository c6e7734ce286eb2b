//! The digest by which a sidecar knows its archive.

use sha2::{Digest, Sha256};

/// The SHA-256 of `bytes` in hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    let mut digest = Running::default();
    digest.update(bytes);
    digest.finish()
}

/// A SHA-256 of bytes that come one after another.
#[derive(Clone, Default)]
pub(super) struct Running(Sha256);

impl Running {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// In hex digits.
    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
