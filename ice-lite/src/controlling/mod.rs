//! The small full agent of a caller.

mod agent;
mod answers;
mod check_list;
mod config;
mod requester;
mod schedule;

pub use agent::ControllingAgent;
pub use config::ControllingConfig;
