//! A call between two hosts, or a host and a browser, through Portcullis.
mod candidates;
mod cli;
mod incoming;
mod media;
mod opus;
mod page;
mod player;
mod progress;
mod reception;
mod report;
mod rtcp;
mod rtp;
mod summary;
mod whip_client;

fn main() {}
