//! A call between two hosts, or a host and a browser, through Portcullis.
mod incoming;
mod media;
mod opus;
mod player;
mod reception;
mod rtcp;
mod rtp;

fn main() {}
