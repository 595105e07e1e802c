//! The page of `listen`, from which a browser calls.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

/// Only what this host serves: the page loads nothing from elsewhere.
const POLICY: &str = "default-src 'self'; frame-ancestors 'self'";

/// The routes of the page.
pub(crate) fn routes() -> Router {
    Router::new()
        .route(
            "/",
            file("text/html; charset=utf-8", include_str!("page/index.html")),
        )
        .route("/page.css", file("text/css", include_str!("page/page.css")))
        .route(
            "/page.js",
            file("text/javascript", include_str!("page/page.js")),
        )
        .route(
            "/plot.js",
            file("text/javascript", include_str!("page/plot.js")),
        )
        .route(
            "/statistics.js",
            file("text/javascript", include_str!("page/statistics.js")),
        )
        .route(
            "/page.svg",
            file("image/svg+xml", include_str!("page/page.svg")),
        )
}

fn file(kind: &'static str, text: &'static str) -> axum::routing::MethodRouter {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
    ];
    get(async move || (headers, text).into_response())
}
