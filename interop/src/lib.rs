//! Portcullis against real peers: what the tests of this package share.
//!
//! Each kind of peer has a folder of its own beside `src/`; `interop/README.md` lists them, and
//! `interop/setup.sh` installs what they need.

pub mod namespace;
pub mod program;
