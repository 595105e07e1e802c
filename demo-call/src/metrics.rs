//! What `listen` counts, as Prometheus reads it.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use portcullis::driver::{Handle, SocketStatistics};
use portcullis::{Gate, RouteDrop, Totals};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::admission::Admission;
use crate::call::Call;

/// As OpenMetrics 1.0 names its text.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a scrape finds.
#[derive(Clone, Debug)]
struct Snapshot {
    calls: usize,
    panics: u64,
    refused_paths: u64,
    lost_paths: u64,
    socket: SocketStatistics,
    overflow: u64,
    tcp_connections: usize,
    tcp_refused: u64,
    refused_connections: u64,
    refused_offers: u64,
    totals: Totals,
    dropped: Vec<(RouteDrop, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WhereAndWhy {
    layer: &'static str,
    reason: &'static str,
}

/// The route of the metrics.
pub(crate) fn routes(handle: Handle<Call>, admission: Admission) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state((handle, admission))
}

async fn scrape(
    State((handle, admission)): State<(Handle<Call>, Admission)>,
) -> Result<([(axum::http::HeaderName, &'static str); 1], String), StatusCode> {
    let snapshot = handle.gate(0, |gate, _| Snapshot::of(gate)).await;
    let mut snapshot = snapshot.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    snapshot.add_driver(&handle);
    snapshot.refused_connections = admission.refused_connections();
    snapshot.refused_offers = admission.refused_offers();
    let mut text = String::new();
    encode(&mut text, &snapshot.registry()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(CONTENT_TYPE, TEXT)], text))
}

impl Snapshot {
    fn of(gate: &Gate<Call>) -> Self {
        let dropped = RouteDrop::ALL.iter();
        Self {
            calls: gate.calls().count(),
            panics: gate.panics(),
            refused_paths: gate.refused_paths(),
            lost_paths: gate.lost_paths(),
            socket: SocketStatistics::default(),
            overflow: 0,
            tcp_connections: 0,
            tcp_refused: 0,
            refused_connections: 0,
            refused_offers: 0,
            totals: gate.totals(),
            dropped: dropped
                .map(|&reason| (reason, gate.router().dropped(reason)))
                .collect(),
        }
    }

    /// What the sockets count.
    fn add_driver(&mut self, handle: &Handle<Call>) {
        self.socket = handle.socket_statistics();
        self.overflow = handle.overflow();
        self.tcp_connections = handle.connections();
        self.tcp_refused = handle.refused_connections();
    }

    /// The counts under the names of Prometheus; `_total` is the encoder's.
    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("portcullis");
        let calls = Gauge::<i64>::default();
        calls.set(self.calls as i64);
        registry.register("calls", "Calls that there are now", calls);
        let connections = Gauge::<i64>::default();
        connections.set(self.tcp_connections as i64);
        let help = "Connections of ICE-TCP that are open";
        registry.register("tcp_connections", help, connections);
        for (name, help, count) in self.counts().into_iter().chain(self.path_counts()) {
            let counter = Counter::<u64>::default();
            counter.inc_by(count);
            registry.register(name, help, counter);
        }
        let dropped = Family::<Why, Counter>::default();
        for (reason, count) in &self.dropped {
            let reason = reason.name();
            dropped.get_or_create(&Why { reason }).inc_by(*count);
        }
        registry.register(
            "router_dropped_datagrams",
            "Datagrams that were given to no call, by reason",
            dropped,
        );
        let discarded = Family::<WhereAndWhy, Counter>::default();
        for (layer, reason, count) in self.totals.discards() {
            let layer = layer.name();
            let labels = WhereAndWhy { layer, reason };
            discarded.get_or_create(&labels).inc_by(count);
        }
        registry.register(
            "discarded",
            "What the calls dropped, by layer and reason",
            discarded,
        );
        registry
    }

    /// Of paths and sockets.
    fn path_counts(&self) -> [(&'static str, &'static str, u64); 14] {
        let (totals, socket) = (&self.totals, &self.socket);
        [
            (
                "refused_paths",
                "Claims to a path that another call has and keeps: forged source addresses, or shared sockets",
                self.refused_paths,
            ),
            (
                "lost_paths",
                "Paths that went from one call to another, whose peer is there now",
                self.lost_paths,
            ),
            (
                "path_changes",
                "Moves of a call's sending to another path",
                totals.path_changes,
            ),
            (
                "addresses_proved",
                "Addresses of peers that were proved by an answer to a check",
                totals.addresses_proved,
            ),
            (
                "socket_media_dropped",
                "SRTP and SRTCP packets dropped because the socket was full",
                socket.media_dropped,
            ),
            (
                "socket_control_kept",
                "STUN and DTLS datagrams kept for a moment because the socket was full",
                socket.control_kept,
            ),
            (
                "socket_control_dropped",
                "Of these, those dropped in the end",
                socket.control_dropped,
            ),
            (
                "socket_too_long",
                "Datagrams longer than their path takes",
                socket.too_long,
            ),
            (
                "socket_refused",
                "Datagrams that the system refused for another reason",
                socket.refused,
            ),
            (
                "socket_receive_errors",
                "Errors of receiving, after each of which it was tried again",
                socket.receive_errors,
            ),
            (
                "overflow",
                "Datagrams dropped between shards, or for a TCP connection that is too slow",
                self.overflow,
            ),
            (
                "tcp_refused_connections",
                "TCP connections refused because there were too many, in all or from one source",
                self.tcp_refused,
            ),
            (
                "http_refused_connections",
                "Connections to the endpoint closed because their source has enough",
                self.refused_connections,
            ),
            (
                "refused_offers",
                "Offers refused because their source has enough calls, or makes too many in a moment",
                self.refused_offers,
            ),
        ]
    }

    fn counts(&self) -> [(&'static str, &'static str, u64); 13] {
        let totals = &self.totals;
        [
            ("sessions", "Calls that were signalled", totals.sessions),
            (
                "secured_sessions",
                "Calls whose handshake is complete and whose peer is verified",
                totals.secured,
            ),
            (
                "panics",
                "Panics, each of which ended one call or lost one batch of packets",
                self.panics,
            ),
            (
                "received_datagrams",
                "Datagrams given to calls",
                totals.datagrams_received,
            ),
            (
                "received_bytes",
                "Bytes of UDP payload given to calls",
                totals.bytes_received,
            ),
            (
                "sent_packets",
                "SRTP and SRTCP packets sent",
                totals.packets_sent,
            ),
            ("sent_bytes", "Bytes in these packets", totals.bytes_sent),
            (
                "stun_requests",
                "Authenticated connectivity checks of peers",
                totals.stun_requests,
            ),
            (
                "dtls_retransmissions",
                "DTLS flights sent again",
                totals.dtls_retransmissions,
            ),
            (
                "received_rtp_packets",
                "RTP packets authenticated and decrypted",
                totals.rtp_received,
            ),
            (
                "received_rtcp_packets",
                "RTCP packets authenticated and decrypted",
                totals.rtcp_received,
            ),
            (
                "duplicate_packets",
                "Authentic media packets that had been received before",
                totals.duplicates,
            ),
            (
                "router_dropped",
                "Datagrams that were given to no call",
                self.dropped.iter().map(|(_, count)| count).sum(),
            ),
        ]
    }
}
