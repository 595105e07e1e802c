//! Many packets at once, whatever their keys, profiles and lengths.
//!
//! Packets of AES-GCM have nothing to share, and run one behind the other. Packets with HMAC-SHA1 are sorted by their number
//! of blocks and hashed in groups, one in each lane.

use super::Job;
use super::cm::keystream;
use super::engine::{Engine, State};
use super::list::List;
use super::message::{Digests, Lane, Tail, block_count, digest, verify_tag, write_tag};
use super::simd::{GROUP, Simd, Task};
use super::state::CmState;

/// The most jobs that are sorted together.
const SORTED_MAX: usize = 64;

/// Protects all jobs.
pub(crate) fn protect(jobs: &mut [Job<'_>]) {
    for jobs in jobs.chunks_mut(SORTED_MAX) {
        let (engine, mut order) = sort(jobs, |job| job.protect());
        for group in order.sorted().chunks(GROUP) {
            if let &[entry] = group {
                jobs[place(entry)].protect();
                continue;
            }
            engine.run(Cipher { jobs, group }, 0);
            let mut digests = [[0; GROUP]; 5];
            engine.run(Hash::of(jobs, group, &mut digests), 0);
            for (nth, &entry) in group.iter().enumerate() {
                write_tag(jobs[place(entry)].tag_mut(), digest(&digests, nth));
            }
        }
    }
}

/// Unprotects all jobs; [`Job::authentic`] then says which were genuine. One forged packet changes nothing for the others.
pub(crate) fn unprotect(jobs: &mut [Job<'_>]) {
    for jobs in jobs.chunks_mut(SORTED_MAX) {
        let (engine, mut order) = sort(jobs, unprotect_one);
        for group in order.sorted().chunks(GROUP) {
            if let &[entry] = group {
                unprotect_one(&mut jobs[place(entry)]);
                continue;
            }
            let mut digests = [[0; GROUP]; 5];
            engine.run(Hash::of(jobs, group, &mut digests), 0);
            let digests = &digests;
            engine.run(
                Open {
                    jobs,
                    group,
                    digests,
                },
                0,
            );
        }
    }
}

/// Unprotects one job, which keeps its own outcome.
fn unprotect_one(job: &mut Job<'_>) {
    let _ = job.unprotect();
}

/// The jobs that are hashed in groups on this engine; `alone` runs the others.
fn sort(jobs: &mut [Job<'_>], alone: impl Fn(&mut Job<'_>)) -> (Engine, Order) {
    let mut order = Order::new();
    let engine = jobs[0].key().engine;
    for (index, job) in jobs.iter_mut().enumerate() {
        let suits = job.key().tier() == engine.tier() && job.layout().hole.is_none();
        match &job.key().state {
            State::Cm(_) if suits => order.push(index, job),
            _ => alone(job),
        }
    }
    (engine, order)
}

/// The jobs with HMAC-SHA1, to be sorted by their number of blocks.
struct Order {
    /// The number of blocks above the eight bits of the job's place.
    entries: [u32; SORTED_MAX],
    len: usize,
}

impl Order {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new() -> Self {
        Self {
            entries: [0; SORTED_MAX],
            len: 0,
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn push(&mut self, index: usize, job: &Job<'_>) {
        let layout = job.layout();
        let blocks = block_count(layout.end, layout.trailer);
        self.entries[self.len] = (blocks as u32) << 8 | index as u32;
        self.len += 1;
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sorted(&mut self) -> &mut [u32] {
        let entries = &mut self.entries[..self.len];
        // Packets of one length, the commonest batch, are sorted already.
        if !entries.is_sorted() {
            entries.sort_unstable();
        }
        entries
    }
}

/// The place of the job of an entry of [`Order`].
#[cfg_attr(not(debug_assertions), inline(always))]
fn place(entry: u32) -> usize {
    (entry & 0xff) as usize
}

/// XORs their key streams into the packets of a group.
struct Cipher<'a, 'b> {
    jobs: &'a mut [Job<'b>],
    group: &'a [u32],
}

impl Task for Cipher<'_, '_> {
    type Output = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, _: u128) {
        for &entry in self.group {
            cipher(token, &mut self.jobs[place(entry)]);
        }
    }
}

/// Tells each packet of a group whether its tag is right, and deciphers those that are genuine.
struct Open<'a, 'b> {
    jobs: &'a mut [Job<'b>],
    group: &'a [u32],
    digests: &'a Digests,
}

impl Task for Open<'_, '_> {
    type Output = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, _: u128) {
        for (nth, &entry) in self.group.iter().enumerate() {
            let job = &mut self.jobs[place(entry)];
            let genuine = verify_tag(job.tag_mut(), digest(self.digests, nth)).into();
            job.set_authentic(genuine);
            if genuine {
                cipher(token, job);
            }
        }
    }
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn cipher<S: Simd>(token: S, job: &mut Job<'_>) {
    let state = cm_state(job);
    let (iv, layout, buffer) = job.parts();
    keystream(token, state, iv, &mut buffer[layout.clear..layout.end]);
}

/// The HMACs of the packets of a group.
struct Hash<'a, 'b> {
    jobs: &'a [Job<'b>],
    group: &'a [u32],
    digests: &'a mut Digests,
}

impl<'a, 'b> Hash<'a, 'b> {
    fn of(jobs: &'a [Job<'b>], group: &'a [u32], digests: &'a mut Digests) -> Self {
        Self {
            jobs,
            group,
            digests,
        }
    }
}

impl Task for Hash<'_, '_> {
    type Output = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, _: u128) {
        let mut tails = List::new();
        for &entry in self.group {
            let job = &self.jobs[place(entry)];
            let (packet, trailer) = (job.packet(), job.layout().trailer);
            tails.push_filled(Tail::EMPTY, |tail| {
                tail.fill::<S::Vector>(token.vectors(), packet, trailer);
            });
        }
        let mut lanes = [Lane::IDLE; GROUP];
        for ((lane, tail), &entry) in lanes.iter_mut().zip(tails.as_slice()).zip(self.group) {
            let job = &self.jobs[place(entry)];
            *lane = Lane::new(&cm_state(job).midstates, job.packet(), tail);
        }
        token.macs(&lanes, self.group.len(), self.digests);
    }
}

/// The state of a job that stands in an [`Order`].
#[cfg_attr(not(debug_assertions), inline(always))]
fn cm_state<'a>(job: &Job<'a>) -> &'a CmState {
    match &job.key().state {
        State::Cm(state) => state,
        _ => unreachable!("invariant: only jobs with HMAC are grouped"),
    }
}
