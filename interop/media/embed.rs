//! The echo of `examples/embed.rs`: who calls hears themselves.

use interop::browser::{Browser, Kind};
use interop::page::Page;

use crate::{HELPERS, Served, with_example};

/// Presses the button of the example's page, as a user does; the page has a microphone that makes a
/// tone, and nothing else is given to it. What comes back is a second of sound at least.
fn echo(kind: Kind) {
    let served = Served::on_port(5000);
    let page = Page::serve(Some(&served.address));
    let _browser = Browser::launch(kind, &page.url(), &[]);
    let (packets, loudest) = (50, 0.01);
    page.run(&format!(
        "{HELPERS}
         const made = [];
         const Connection = page.RTCPeerConnection;
         page.RTCPeerConnection = class extends Connection {{
             constructor(...given) {{ super(...given); made.push(this); }}
         }};
         doc().querySelector('button').click();
         await wait(() => doc().querySelector('output').textContent === 'connected', 'the call');
         await wait(async () => {{
             const stats = [...(await made[0].getStats()).values()];
             const heard = stats.find((it) => it.type === 'inbound-rtp' && it.kind === 'audio');
             window.heard = heard && [heard.packetsReceived, heard.audioLevel, heard.totalAudioEnergy];
             return heard?.packetsReceived >= {packets}
                 && Math.sqrt(heard.totalAudioEnergy / heard.totalSamplesDuration) >= {loudest};
         }}, 'an echo').catch((error) => {{
             throw new Error(`${{error.message}} ${{JSON.stringify(window.heard)}}`);
         }});"
    ));
}

#[test]
fn chromium_hears_itself() {
    with_example("embed::chromium_hears_itself", "embed", || {
        echo(Kind::Chromium);
    });
}

#[test]
fn firefox_hears_itself() {
    with_example("embed::firefox_hears_itself", "embed", || {
        echo(Kind::Firefox);
    });
}
