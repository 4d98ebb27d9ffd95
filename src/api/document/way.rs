//! A method at a path, with the facts that the documents need.

/// Paths that are not in the document, and why.
pub(in crate::api) const NOT_DESCRIBED: &[(&str, &[&str])] = &[
    (
        "pages for people: HTML, scripts and style",
        &[
            "/agent",
            "/calls",
            "/calls/{id}",
            "/alerts",
            "/agents",
            "/reviews",
            "/dashboard",
            "/settings",
            "/docs",
            "/web/{*name}",
        ],
    ),
    ("a page at this path; what POST takes is described", &["GET /upload"]),
    ("the login of the pages, by forms and a cookie", &["/login", "/login.css", "/logout"]),
    ("the documents themselves", &["/openapi.json", "/asyncapi.json"]),
];

/// A method at a path, as its route policy describes it.
pub(in crate::api) struct DocumentedRoute {
    /// The method in lower case.
    pub(in crate::api) method: String,
    /// The path as the router writes it.
    pub(in crate::api) path: &'static str,
    /// One of these scopes is needed; no authentication where there is none.
    pub(in crate::api) scopes: Vec<&'static str>,
    /// The guard looks for the call that the path names.
    pub(in crate::api) call: bool,
    /// Query parameters.
    pub(in crate::api) asks: &'static [&'static str],
}

impl DocumentedRoute {
    /// Whether it is left out of the document.
    pub(in crate::api) fn is_left_out(&self) -> bool {
        let whole = format!("{} {}", self.method.to_uppercase(), self.path);
        NOT_DESCRIBED.iter().flat_map(|(_, paths)| *paths).any(|path| *path == self.path || *path == whole)
    }
}
