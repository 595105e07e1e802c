//! The kernels of SRTP against each other for so many operations: a packet sealed or opened on one tier, one by one, in a batch or in
//! a batch of all tiers.
//!
//! `PORTCULLIS_DIFFERENTIAL_OPERATIONS=10000000 cargo test --release -p fuzz --test differential` is the long run.

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// How many operations an ordinary test run has.
const OPERATIONS: u64 = 20_000;

#[test]
fn all_tiers_agree() {
    let wanted = std::env::var("PORTCULLIS_DIFFERENTIAL_OPERATIONS").ok();
    let wanted = wanted.and_then(|number| number.parse().ok());
    let wanted = wanted.unwrap_or(OPERATIONS);
    let (mut operations, mut number) = (0, 0);
    while operations < wanted {
        let mut random = StdRng::seed_from_u64(number);
        let mut data = vec![0; random.random_range(1000..20_000)];
        random.fill_bytes(&mut data);
        let done = std::panic::catch_unwind(|| fuzz::differential(&data));
        operations +=
            done.unwrap_or_else(|_| panic!("seed {number}, after {operations} operations"));
        number += 1;
    }
    println!("{operations} operations");
}
