//! The pages, out of the binary: HTML, modules, style. A page is the one frame of all with its own content in it.
//!
//! They hold no data of any call; what they show they ask the API for, as any client does. Nothing in them is inline and nothing comes from
//! elsewhere: the policy that goes out with each forbids both.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::api::access::grant::Access;
use crate::api::access::route::{About, NOTHING, OPERATE, READ, RoutePolicy, Routes};
use crate::api::request::ApiError;
use crate::api::status::settings::not_yours;
use crate::contract::analysis::BaseInfo;
use crate::store::tokens::Scope;

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
    bytes: Cow<'static, [u8]>,
}

macro_rules! assets {
    ($($name:literal: $kind:ident),* $(,)?) => {
        [$(Asset { name: $name, kind: $kind, bytes: Cow::Borrowed(include_bytes!(concat!("web/", $name))) }),*]
    };
}

/// Head, navigation and end of every page.
const FRAME: &str = include_str!("web/frame.html");

/// What a page has of its own.
struct Page {
    /// Where it is, as the router knows it.
    path: &'static str,
    /// Of its files: `<name>.html` is its content, `<name>.js` its script. Also the class of its body.
    name: &'static str,
    title: &'static str,
    content: &'static str,
    /// The scopes of which a visitor needs one.
    access: &'static [Scope],
    /// Whether it draws charts, and needs their style.
    charts: bool,
}

macro_rules! page {
    ($path:expr, $name:literal, $title:literal, $access:expr, charts: $charts:literal) => {
        Page {
            path: $path,
            name: $name,
            title: $title,
            content: include_str!(concat!("web/", $name, ".html")),
            access: $access,
            charts: $charts,
        }
    };
}

const PAGES: [Page; 10] = [
    page!("/", "live", "Live calls", READ, charts: true),
    page!("/calls", "calls", "Calls", READ, charts: false),
    page!("/calls/{id}", "call", "Call", READ, charts: false),
    page!("/alerts", "alerts", "Alerts", READ, charts: false),
    page!("/agents", "agents", "Agents", READ, charts: true),
    page!("/reviews", "reviews", "Reviews", READ, charts: false),
    page!("/upload", "upload", "Upload", READ, charts: false),
    page!("/dashboard", "dashboard", "Dashboard", READ, charts: true),
    page!(SETTINGS, "settings", "Settings", OPERATE, charts: false),
    page!("/docs", "docs", "API", NOTHING, charts: false),
];

/// The page of the daemon's settings, for admins alone.
const SETTINGS: &str = "/settings";

/// The agent's page: without the frame, for it stands in a script or a web form of the dialer and leads nowhere else. It holds nothing of anybody,
/// and its token is for its script: so nobody is asked for one here.
const AGENT: &str = "/agent";

impl Page {
    /// Its HTML. All links are relative, so that a proxy may put the pages under a path of its own.
    fn html(&self) -> String {
        let root = "../".repeat(self.path.matches('/').count() - 1);
        let charts = "<link rel=\"stylesheet\" href=\"{root}web/vendor/uplot.css\">\n";
        let mut html = FRAME.replace("{charts}", if self.charts { charts } else { "" });
        for page in &PAGES {
            let here = if page.name == self.name { " aria-current=\"page\"" } else { "" };
            html = html.replace(&format!("{{at {}}}", page.name), here);
        }
        html.replace("{home}", if root.is_empty() { "./" } else { &root })
            .replace("{root}", &root)
            .replace("{name}", self.name)
            .replace("{title}", self.title)
            .replace("{content}", self.content)
    }
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let files = assets! {
        "style.css": STYLE, "icon.svg": IMAGE,
        "base.js": SCRIPT, "feed.js": SCRIPT, "board.js": SCRIPT, "card.js": SCRIPT, "panel.js": SCRIPT,
        "alert.js": SCRIPT, "alerts.js": SCRIPT, "notice.js": SCRIPT, "presence.js": SCRIPT, "text.js": SCRIPT, "terms.js": SCRIPT, "chart.js": SCRIPT, "live.js": SCRIPT,
        "unheard.js": SCRIPT,
        "call.js": SCRIPT, "quality.js": SCRIPT, "passes.js": SCRIPT, "player.js": SCRIPT, "tabs.js": SCRIPT, "tags.js": SCRIPT, "views.js": SCRIPT, "period.js": SCRIPT, "correct.js": SCRIPT, "review.js": SCRIPT, "reviews.js": SCRIPT, "dispute.js": SCRIPT, "listen.js": SCRIPT, "calls.js": SCRIPT,
        "upload.js": SCRIPT, "dashboard.js": SCRIPT, "coverage.js": SCRIPT, "tables.js": SCRIPT, "agents.js": SCRIPT, "docs.js": SCRIPT, "settings.js": SCRIPT, "agent.js": SCRIPT, "mine.js": SCRIPT, "phone.js": SCRIPT,
        "vendor/uplot.js": SCRIPT, "vendor/uplot.css": STYLE,
    };
    let page = |page: &Page| Asset { name: page.path, kind: HTML, bytes: Cow::Owned(page.html().into_bytes()) };
    let agent = Asset { name: AGENT, kind: HTML, bytes: Cow::Borrowed(include_bytes!("web/agent.html")) };
    PAGES.iter().map(page).chain(files).chain([agent]).collect()
});

/// By name, with the quoted start of its SHA-256: a browser asks each time and gets the bytes only when they are new.
/// Pages are under their paths, which no file's name looks like.
static BY_NAME: LazyLock<HashMap<&str, (&Asset, HeaderValue)>> = LazyLock::new(|| {
    let tag = |asset: &Asset| format!("\"{}\"", hex::encode(&Sha256::digest(&asset.bytes)[..12]));
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
    (always, &*asset.bytes).into_response()
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    give(&name, &headers)
}

/// Whether a client names JSON and no page among what it accepts: browsers name both.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT);
    let accepts = || accepts.iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    let named = |kind: &str| accepts().any(|one| one.split(';').next().unwrap_or_default().trim() == kind);
    named("application/json") && !named("text/html")
}

/// `GET /` for programs: what answers here.
fn base() -> Json<BaseInfo> {
    Json(BaseInfo {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        description: env!("CARGO_PKG_DESCRIPTION").into(),
        docs: "/docs".into(),
        openapi: "/openapi.json".into(),
        health: "/health".into(),
    })
}

/// The pages' paths. Where nobody is logged in the login answers instead; what a page consists of is the same for everybody.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(mut routes: Routes<S>) -> Routes<S> {
    for Page { path, access, .. } in PAGES {
        let policy = RoutePolicy::new(access, About::Nothing);
        routes = routes.get(path, policy, move |access: Access, headers: HeaderMap| async move {
            match path {
                "/" if wants_json(&headers) => base().into_response(),
                SETTINGS if !access.is_admin() => not_yours(),
                _ => give(path, &headers),
            }
        });
    }
    let agent = RoutePolicy::new(NOTHING, About::Nothing).framed();
    routes = routes.get(AGENT, agent, |headers: HeaderMap| async move { give(AGENT, &headers) });
    routes.get("/web/{*name}", RoutePolicy::new(NOTHING, About::Nothing), file)
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
        let text = String::from_utf8_lossy(&asset.bytes);
        // Relative, so that a proxy may put the pages under a path of its own.
        let begins: &[&str] = if asset.kind == HTML { &["=\"web/", "=\"../web/"] } else { &["from './", "import './"] };
        let named =
            begins.iter().flat_map(|begin| text.split(begin).skip(1)).filter_map(|rest| rest.split(['"', '\'']).next());
        // Types stand in comments: a browser loads none.
        let named = named.filter(|name| !name.ends_with(".d.ts"));
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
        for asset in ASSETS.iter() {
            assert!(all.iter().any(|name| name == asset.name), "{} is loaded by no page", asset.name);
        }
    }

    #[test]
    fn a_page_is_the_frame_with_its_own_content_and_links_from_where_it_is() {
        let html = |path: &str| PAGES.iter().find(|page| page.path == path).map(Page::html).unwrap_or_default();
        for page in &PAGES {
            let html = page.html();
            for part in ["{root}", "{home}", "{at ", "{name}", "{title}", "{charts}", "{content}"] {
                assert!(!html.contains(part), "{}: {part} is left", page.path);
            }
            assert!(html.contains(page.content) && html.ends_with("</main>\n</body>\n</html>\n"), "{}", page.path);
        }
        assert!(
            html("/calls").contains("<a href=\"./\">Live</a>\n    <a href=\"calls\" aria-current=\"page\">Calls</a>")
        );
        let call = html("/calls/{id}");
        assert!(call.contains("<title>Call – lineside</title>") && call.contains("src=\"../web/call.js\""), "{call}");
        assert!(call.contains("<a href=\"../\">Live</a>") && !call.contains("aria-current"), "{call}");
    }

    #[test]
    fn nothing_in_the_pages_is_inline_or_from_elsewhere() {
        for asset in ASSETS.iter().filter(|asset| !asset.name.starts_with("vendor/")) {
            let text = String::from_utf8_lossy(&asset.bytes);
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
