//! A call between two hosts, or a host and a browser, through Portcullis.
mod opus;
mod reception;
mod rtcp;
mod rtp;

fn main() {}
