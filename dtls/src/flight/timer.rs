//! When to send a flight again (RFC 6347 §4.2.4, RFC 9147 §5.8.2), and when to acknowledge.
//!
//! Both timers keep their start and compute their end, so that a new setting applies to the wait
//! that is under way. There is no jitter: the two sides of a call do not synchronize with others.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::config::{Recovery, RetransmitConfig};
use crate::error::Error;

/// How much earlier than its end a timer counts as expired, at most: sockets and event loops
/// count in milliseconds and may wake a little early, and would otherwise be asked to sleep for a
/// fraction of one.
const EARLY: Duration = Duration::from_millis(15);

/// The share of a wait by which it may be cut short, so that [`EARLY`] does not eat up waits that
/// are themselves a few milliseconds long.
const EARLY_SHARE: u32 = 16;

/// Acknowledgements are due after this share of the retransmission time (RFC 9147 §7.1).
const ACK_SHARE: u32 = 4;

/// Retransmissions that are followed by copies, since what was lost once is worth further datagrams
/// before the doubled wait is over: of the flights that need a retransmission, where a tenth of the
/// datagrams gets lost, every fifth would need another, and they would decide how long the slowest
/// handshakes take. Later ones are not: a peer that says nothing to all of these is hardly there.
const COPIED: u32 = 3;

/// Copies of such a retransmission.
const COPIES: u32 = 2;

/// The share of the first wait after which a copy follows. They are apart from each other, so that a
/// short burst of losses does not take all.
const COPY_SHARE: u32 = 4;

/// The shortest first wait that is measured: time for a slow peer to sign with RSA.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// The share of the setting that the first wait has at least after an answer of which it is not known
/// what it answers.
const AMBIGUOUS_SHARE: u32 = 2;

/// The timers of a connection's flights.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    config: RetransmitConfig,
    /// Retransmissions of the present flight so far.
    retries: u32,
    /// When the last transmission of the present flight was, if an answer is awaited.
    flight: Option<Instant>,
    /// When the first record came that is to be acknowledged.
    ack: Option<Instant>,
    /// When the last retransmission or copy of it was, and how many copies are to follow.
    copy: Option<(Instant, u32)>,
    /// The first wait of a flight as a round trip of this handshake has it, and the same for flights
    /// after the present one.
    measured: Option<Duration>,
    measured_next: Option<Duration>,
    /// That round trip, or the most that it can be.
    round_trip: Option<Duration>,
    /// Someone else decides when flights are sent again.
    suspended: bool,
}

/// What [`Timers::expire`] found due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expired {
    /// The flight is to be sent again.
    pub(super) flight: bool,
    /// An ACK is to be sent.
    pub(super) ack: bool,
    /// A copy of the last retransmission is to be sent.
    pub(super) copy: bool,
}

impl Timers {
    pub(super) fn new(config: RetransmitConfig) -> Self {
        Self {
            config,
            retries: 0,
            flight: None,
            ack: None,
            copy: None,
            measured: None,
            measured_next: None,
            round_trip: None,
            suspended: false,
        }
    }

    /// Replaces the setting. Waits under way are rescaled from their start; the number of
    /// retransmissions made, and so the doublings, stay.
    pub(super) fn set_config(&mut self, config: RetransmitConfig) {
        self.config = config;
    }

    /// The wait before the first retransmission of a flight.
    // RFC 9147 §5.8.2: 1.5 times the round trip, where that is known.
    pub(super) fn initial(&self) -> Duration {
        let measured = self.measured.filter(|_| self.is_prompt());
        measured.map_or(self.config.initial, |wait| wait.min(self.config.initial))
    }

    /// Whether more than the timer makes up for losses.
    pub(super) fn is_prompt(&self) -> bool {
        self.config.recovery == Recovery::Prompt
    }

    /// An answer came so long after our flight was last sent, and first sent: the round trip is
    /// somewhere between, as it may be to either.
    pub(super) fn measure(&mut self, round_trip: RangeInclusive<Duration>) {
        let (least, longest) = round_trip.into_inner();
        let wait = least.saturating_mul(3) / 2;
        if least == longest {
            self.measured_next = Some(wait.max(MIN_WAIT));
            self.round_trip = Some(longest);
        } else if self.measured_next.is_none() {
            let slow = longest / ACK_SHARE;
            let least = self.config.initial / AMBIGUOUS_SHARE;
            self.measured_next = Some(wait.max(least).max(slow));
            self.round_trip = Some(longest);
        }
    }

    /// A part of the flight arrived: the path is there, and waits need not be long.
    pub(super) fn reset_retries(&mut self) {
        self.retries = 0;
    }

    /// What is between two answers to the same hint of a loss.
    pub(super) fn answer_interval(&self) -> Duration {
        let least = self.initial() / COPY_SHARE;
        match self.round_trip.filter(|_| self.is_prompt()) {
            // Sooner, the peer has not seen the last one yet.
            Some(round_trip) => round_trip.min(self.initial()).max(least),
            None if self.is_prompt() => least,
            None => self.initial(),
        }
    }

    /// Retransmissions of the present flight so far.
    pub(super) fn retries(&self) -> u32 {
        self.retries
    }

    /// Whether the present flight may be sent again when its wait is over.
    pub(super) fn may_retry(&self) -> bool {
        self.retries < self.config.max_retries
    }

    /// Starts to wait for an answer to the flight that was just sent.
    /// It may be followed by copies if the timer `retried` it.
    pub(super) fn start_flight(&mut self, now: Instant, retried: bool) {
        self.flight = Some(now);
        let copied = retried && self.is_prompt() && (1..=COPIED).contains(&self.retries);
        self.copy = copied.then_some((now, COPIES));
    }

    /// The answer came, or a new flight starts: no wait, no doublings.
    pub(super) fn stop_flight(&mut self) {
        self.flight = None;
        self.copy = None;
        self.retries = 0;
        self.measured = self.measured_next;
    }

    /// Starts to wait for more records to acknowledge, unless that wait is under way.
    pub(super) fn start_ack(&mut self, now: Instant) {
        self.ack.get_or_insert(now);
    }

    pub(super) fn stop_ack(&mut self) {
        self.ack = None;
    }

    /// Stops retransmission by time, or starts it again with a whole wait from `now` on.
    pub(super) fn set_suspended(&mut self, now: Instant, suspended: bool) {
        if self.suspended && !suspended && self.flight.is_some() {
            self.flight = Some(now);
        }
        self.suspended = suspended;
    }

    /// When [`Timers::expire`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        // A wait that no instant can hold the end of never ends.
        let flight = self
            .running_flight()
            .and_then(|started| started.checked_add(self.flight_wait()));
        let ack = self
            .ack
            .and_then(|started| started.checked_add(self.ack_wait()));
        let copy = self
            .running(self.copy.map(|(last, _)| last))
            .and_then(|started| started.checked_add(self.copy_wait()));
        flight.into_iter().chain(ack).chain(copy).min()
    }

    /// Finds what is due at `now`. A flight that is due counts as sent once more.
    ///
    /// # Errors
    /// [`Error::RetransmissionLimit`] when the wait after the last retransmission is over.
    pub(super) fn expire(&mut self, now: Instant) -> Result<Expired, Error> {
        let mut expired = Expired::default();
        if let Some(started) = self.ack
            && is_over(now, started, self.ack_wait())
        {
            self.ack = None;
            expired.ack = true;
        }
        if let Some((last, left)) = self.copy.filter(|_| !self.suspended)
            && is_over(now, last, self.copy_wait())
        {
            self.copy = (left > 1).then_some((now, left - 1));
            expired.copy = true;
        }
        if let Some(started) = self.running_flight()
            && is_over(now, started, self.flight_wait())
        {
            self.flight = None;
            self.copy = None;
            expired.copy = false;
            if !self.may_retry() {
                return Err(Error::RetransmissionLimit);
            }
            self.retries += 1;
            expired.flight = true;
        }
        Ok(expired)
    }

    fn running_flight(&self) -> Option<Instant> {
        self.running(self.flight)
    }

    fn running(&self, timer: Option<Instant>) -> Option<Instant> {
        timer.filter(|_| !self.suspended)
    }

    /// RFC 9147 §5.8.2: the wait doubles with each retransmission, up to the ceiling.
    fn flight_wait(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.retries).unwrap_or(u32::MAX);
        self.initial()
            .saturating_mul(factor)
            .min(self.config.ceiling)
    }

    fn ack_wait(&self) -> Duration {
        if self.is_prompt() {
            self.initial() / ACK_SHARE
        } else {
            self.flight_wait() / ACK_SHARE
        }
    }

    fn copy_wait(&self) -> Duration {
        self.initial() / COPY_SHARE
    }
}

fn is_over(now: Instant, started: Instant, wait: Duration) -> bool {
    let early = EARLY.min(wait / EARLY_SHARE);
    now.saturating_duration_since(started) >= wait - early
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn timers() -> (Timers, Instant) {
        (Timers::new(initial(400)), Instant::now())
    }

    fn initial(ms: u32) -> RetransmitConfig {
        RetransmitConfig {
            initial: MS * ms,
            recovery: Recovery::Timer,
            ..RetransmitConfig::default()
        }
    }

    /// RFC 9147 §5.8.2: 400 ms for DTLS-SRTP, doubling, a ceiling of 60 s.
    #[test]
    fn doubles_to_the_ceiling_and_gives_up() {
        let (mut timers, mut now) = timers();
        let waits = [
            400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000, 60_000, 60_000,
        ];
        for wait in waits {
            timers.start_flight(now, false);
            assert_eq!(timers.deadline(), Some(now + MS * wait));
            assert_eq!(timers.expire(now + MS * wait / 2), Ok(Expired::default()));
            now += MS * wait;
            assert_eq!(
                timers.expire(now),
                Ok(Expired {
                    flight: true,
                    ack: false,
                    copy: false,
                })
            );
            assert_eq!(timers.deadline(), None);
        }
        timers.start_flight(now, false);
        assert_eq!(timers.deadline(), Some(now + MS * 60_000));
        assert_eq!(
            timers.expire(now + MS * 60_000),
            Err(Error::RetransmissionLimit)
        );
    }

    #[test]
    fn a_new_setting_rescales_the_wait_under_way() {
        let (mut timers, start) = timers();
        timers.set_config(initial(250));
        timers.start_flight(start, false);
        timers
            .expire(start + MS * 250)
            .expect("first retransmission");
        let again = start + MS * 250;
        timers.start_flight(again, false);
        assert_eq!(timers.deadline(), Some(again + MS * 500));
        timers.set_config(initial(100));
        assert_eq!(timers.deadline(), Some(again + MS * 200));
        timers.set_config(initial(400));
        assert_eq!(timers.deadline(), Some(again + MS * 800));
        timers.stop_flight();
        timers.start_flight(again, false);
        assert_eq!(timers.deadline(), Some(again + MS * 400));
    }

    /// RFC 9147 §7.1: a quarter of the retransmission time, whatever that is now.
    #[test]
    fn acks_wait_a_quarter() {
        let (mut timers, now) = timers();
        timers.start_ack(now);
        timers.start_ack(now + MS * 50);
        assert_eq!(timers.deadline(), Some(now + MS * 100));
        timers.set_config(initial(200));
        assert_eq!(timers.deadline(), Some(now + MS * 50));
        timers.start_flight(now, false);
        assert_eq!(
            timers.expire(now + MS * 50),
            Ok(Expired {
                flight: false,
                ack: true,
                copy: false,
            })
        );
        assert_eq!(timers.deadline(), Some(now + MS * 200));
    }

    #[test]
    fn both_at_once() {
        let (mut timers, now) = timers();
        timers.start_flight(now, false);
        timers.start_ack(now);
        assert_eq!(
            timers.expire(now + MS * 400),
            Ok(Expired {
                flight: true,
                ack: true,
                copy: false,
            })
        );
    }

    #[test]
    fn a_little_early_is_on_time() {
        let (mut timers, now) = timers();
        timers.start_flight(now, false);
        assert_eq!(timers.expire(now + MS * 384), Ok(Expired::default()));
        assert_eq!(
            timers.expire(now + MS * 385),
            Ok(Expired {
                flight: true,
                ack: false,
                copy: false,
            })
        );
        timers.stop_flight();
        timers.set_config(initial(16));
        timers.start_flight(now, false);
        assert_eq!(timers.expire(now + MS * 14), Ok(Expired::default()));
        assert_eq!(
            timers.expire(now + MS * 15),
            Ok(Expired {
                flight: true,
                ack: false,
                copy: false,
            })
        );
    }

    #[test]
    fn suspension_stops_flights_and_leaves_acks() {
        let (mut timers, now) = timers();
        timers.start_flight(now, false);
        timers.start_ack(now);
        timers.set_suspended(now, true);
        assert_eq!(timers.deadline(), Some(now + MS * 100));
        assert_eq!(
            timers.expire(now + MS * 9000),
            Ok(Expired {
                flight: false,
                ack: true,
                copy: false,
            })
        );
        assert_eq!(timers.deadline(), None);
        timers.set_suspended(now + MS * 9000, false);
        assert_eq!(timers.deadline(), Some(now + MS * 9400));
    }
}
