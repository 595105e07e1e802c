//! RFC 8445 §7.3: a lite agent answers checks, and paths become valid by them alone.

mod support;

use ice_lite::{Event, SendRefused};
use support::{Scene, path};

#[test]
fn an_authenticated_check_makes_its_path_valid_and_selected() {
    let mut scene = Scene::new();
    let now = scene.start;
    assert!(!scene.agent.is_valid(&path(1)));
    assert_eq!(
        scene.agent.authorize_send(now, 100),
        Err(SendRefused::NotConnected)
    );
    scene.check(now, path(1));
    assert!(scene.agent.is_valid(&path(1)));
    assert!(!scene.agent.is_valid(&path(2)));
    assert_eq!(scene.agent.selected(), Some(path(1)));
    assert_eq!(scene.agent.authorize_send(now, 100), Ok(path(1)));
    let expected = [
        Event::PairValidated { path: path(1) },
        Event::Selected { path: path(1) },
    ];
    assert_eq!(scene.events(), expected);
}
