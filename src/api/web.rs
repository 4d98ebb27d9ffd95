//! The pages, out of the binary: HTML, modules, style, nothing generated.
//!
//! They hold no data of any call; what they show they ask the API for, as any client does. Nothing in them is inline and nothing comes from
//! elsewhere: the policy that goes out with each forbids both.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::api::request::ApiError;
use crate::api::walls::door::{About, Door, NOTHING, READ, Routes};

/// What a page may load: from here, as a file. `default-src` covers scripts, styles, sounds and sockets.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal: $kind:ident),* $(,)?) => {
        &[$(Asset { name: $name, kind: $kind, bytes: include_bytes!(concat!("web/", $name)) }),*]
    };
}

const ASSETS: &[Asset] = assets! {
    "live.html": HTML, "call.html": HTML, "calls.html": HTML, "upload.html": HTML, "dashboard.html": HTML, "docs.html": HTML,
    "style.css": STYLE, "icon.svg": IMAGE,
    "base.js": SCRIPT, "feed.js": SCRIPT, "board.js": SCRIPT, "card.js": SCRIPT, "panel.js": SCRIPT, "alerts.js": SCRIPT, "text.js": SCRIPT, "terms.js": SCRIPT,
    "chart.js": SCRIPT, "live.js": SCRIPT, "call.js": SCRIPT, "quality.js": SCRIPT, "player.js": SCRIPT, "listen.js": SCRIPT, "calls.js": SCRIPT, "upload.js": SCRIPT, "docs.js": SCRIPT,
    "dashboard.js": SCRIPT,
    "vendor/uplot.js": SCRIPT, "vendor/uplot.css": STYLE,
};

/// By name, with the quoted start of its SHA-256: a browser asks each time and gets the bytes only when they are new.
static BY_NAME: LazyLock<HashMap<&str, (&Asset, HeaderValue)>> = LazyLock::new(|| {
    let tag = |asset: &Asset| format!("\"{}\"", hex::encode(&Sha256::digest(asset.bytes)[..12]));
    let entry = |asset: &'static Asset| Some((asset.name, (asset, HeaderValue::from_str(&tag(asset)).ok()?)));
    ASSETS.iter().filter_map(entry).collect()
});

fn give(name: &str, headers: &HeaderMap) -> Response {
    let Some((asset, tag)) = BY_NAME.get(name) else {
        return ApiError::NotFound("no such file of the page".into()).into_response();
    };
    let always: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, tag.clone()),
    ];
    if headers.get(header::IF_NONE_MATCH) == Some(tag) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    (always, asset.bytes).into_response()
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    give(&name, &headers)
}

/// The pages' paths. Where nobody is logged in the login answers instead; what a page consists of is the same for everybody.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(mut routes: Routes<S>) -> Routes<S> {
    let door = Door::new(READ, About::Nothing);
    let pages = [
        ("/", "live.html"),
        ("/calls", "calls.html"),
        ("/calls/{id}", "call.html"),
        ("/upload", "upload.html"),
        ("/dashboard", "dashboard.html"),
    ];
    for (path, name) in pages {
        routes = routes.get(path, door, move |headers: HeaderMap| async move { give(name, &headers) });
    }
    let open = Door::new(NOTHING, About::Nothing);
    let docs = |headers: HeaderMap| async move { give("docs.html", &headers) };
    routes.get("/docs", open, docs).get("/web/{*name}", open, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a page loads, with all that its modules import.
    fn loads(name: &str, seen: &mut Vec<String>) -> usize {
        if seen.iter().any(|one| one == name) {
            return 0;
        }
        seen.push(name.into());
        let (asset, _) = BY_NAME.get(name).unwrap_or_else(|| panic!("{name} is not in the list"));
        let text = String::from_utf8_lossy(asset.bytes);
        // Relative, so that a proxy may put the pages under a path of its own.
        let begins: &[&str] = if asset.kind == HTML { &["=\"web/", "=\"../web/"] } else { &["from './", "import './"] };
        let named =
            begins.iter().flat_map(|begin| text.split(begin).skip(1)).filter_map(|rest| rest.split(['"', '\'']).next());
        asset.bytes.len() + named.map(|name| loads(name, seen)).sum::<usize>()
    }

    #[test]
    fn no_page_loads_more_than_150_kilobytes() {
        let mut all = Vec::new();
        for asset in ASSETS.iter().filter(|asset| asset.kind == HTML) {
            let mut seen = Vec::new();
            let size = loads(asset.name, &mut seen);
            assert!(size < 150_000 && seen.len() > 3, "{}: {size} bytes in {seen:?}", asset.name);
            all.extend(seen);
        }
        for asset in ASSETS {
            assert!(all.iter().any(|name| name == asset.name), "{} is loaded by no page", asset.name);
        }
    }

    #[test]
    fn nothing_in_the_pages_is_inline_or_from_elsewhere() {
        for asset in ASSETS.iter().filter(|asset| !asset.name.starts_with("vendor/")) {
            let text = String::from_utf8_lossy(asset.bytes);
            for sign in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "https://",
                " style=",
                " onclick=",
            ] {
                assert!(!text.contains(sign), "{} has {sign}", asset.name);
            }
            if asset.kind == HTML {
                assert!(!text.contains("<style") && !text.contains("<script>"), "{}", asset.name);
                assert!(!text.contains("=\"/"), "{}: a path that no proxy can move", asset.name);
            }
        }
    }
}
