//! Portcullis against real peers: what the tests of this package share.
//!
//! Each kind of peer has a folder of its own beside `src/`; `interop/README.md` lists them, and
//! `interop/setup.sh` installs what they need.

pub mod browser;
pub mod host;
pub mod http;
pub mod impaired;
pub mod namespace;
pub mod page;
pub mod peer;
pub mod program;
pub mod tone;
pub mod whip;
