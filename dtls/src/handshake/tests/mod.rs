//! The states on their own: two handshakes that hand each other whole messages, and a test between
//! them that may change, add, drop and reorder these. Records and flights take no part.

mod answers;
mod grammar;
mod harness;
mod identity;
mod mutation;
mod negotiation;
mod order;
mod retry;
mod shares;
mod versions;
