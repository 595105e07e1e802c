//! Data channels that give back what they get.

use interop::browser::{Browser, Kind};
use interop::impaired::Impaired;
use interop::namespace::HOST;
use interop::page::Page;

use crate::{HELPERS, Served, with_example};

/// A megabyte there and back, compared byte by byte in the page, and texts, empty ones as well.
fn echo(kind: Kind, served: &Served) {
    let page = Page::serve(Some(&served.address));
    let _browser = Browser::launch(kind, &page.url(), &[]);
    let told = page.run(&format!(
        "{HELPERS}
         await wait(() => page.eval('channel').readyState === 'open', 'the channel');
         for (const text of ['hello', '', 'größer']) {{
             page.eval('channel').send(text);
             await wait(() => doc().querySelector('li')?.textContent === `came back: ${{text}}`, text);
         }}
         await page.echo(1 << 20);
         return doc().querySelectorAll('li').length;"
    ));
    assert_eq!(told, 3, "each text came back once");
}

#[test]
fn chromium_gets_back_a_megabyte() {
    let test = "data_channel::chromium_gets_back_a_megabyte";
    with_example(test, "data_channel", || {
        echo(Kind::Chromium, &Served::on_port(5000));
    });
}

#[test]
fn firefox_gets_back_a_megabyte() {
    let test = "data_channel::firefox_gets_back_a_megabyte";
    with_example(test, "data_channel", || {
        echo(Kind::Firefox, &Served::on_port(5000));
    });
}

/// The same over a path that loses, doubles and reorders datagrams.
fn echo_over_a_bad_path(kind: Kind) {
    let media = format!("{HOST}:5000");
    let proxy = Impaired::new(
        HOST.parse().expect("an address"),
        media.parse().expect("an address"),
        1,
    );
    let proxy = proxy.expect("it has a port");
    let served = Served::start(&[&media, &proxy.address().to_string()]);
    echo(kind, &served);
    assert!(proxy.impaired() > 100, "{}", proxy.impaired());
}

#[test]
fn chromium_gets_back_a_megabyte_over_a_bad_path() {
    let test = "data_channel::chromium_gets_back_a_megabyte_over_a_bad_path";
    with_example(test, "data_channel", || {
        echo_over_a_bad_path(Kind::Chromium);
    });
}

#[test]
fn firefox_gets_back_a_megabyte_over_a_bad_path() {
    let test = "data_channel::firefox_gets_back_a_megabyte_over_a_bad_path";
    with_example(test, "data_channel", || {
        echo_over_a_bad_path(Kind::Firefox);
    });
}
