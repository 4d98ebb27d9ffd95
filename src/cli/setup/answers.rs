//! The answers of `lineside setup` as settings. Pure.

use std::path::PathBuf;

use anyhow::Context;
use ipnet::IpNet;
use toml::{Table, Value};

use crate::config::Config;

/// All four.
pub(super) struct Answers {
    /// Where recordings are.
    pub(super) folders: Vec<PathBuf>,
    /// The model.
    pub(super) model: String,
    /// Who looks, and by which way.
    pub(super) looking: Looking,
}

/// Who looks at the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Looking {
    /// Whoever is on this machine, or comes by ssh.
    Here,
    /// Other computers.
    Elsewhere {
        /// The name that browsers call.
        name: String,
        /// Address of the proxy; none where lineside speaks TLS itself.
        proxy: Option<String>,
    },
}

const HEAD: &str =
    "# Written by `lineside setup`, which keeps what it does not ask for. All settings: lineside.toml(5).\n\n";

/// The path under which the nginx file of the package shows the pages.
const PROXIED: &str = "lineside/";

/// Where the page is, by the name that browsers call it: behind a proxy under a path of its own, as the file for nginx has it.
pub(super) fn public_url(name: &str, proxy: Option<&str>) -> String {
    format!("https://{name}/{}", if proxy.is_some() { PROXIED } else { "" })
}

impl Answers {
    /// The file with them, where it has to change; `before` is what it holds now.
    pub(super) fn file(&self, before: &str, config: &Config) -> anyhow::Result<Option<String>> {
        let mut whole: Table = before.parse().context("it is no TOML; move it away")?;
        let mut is_new = false;
        for (section, key, value) in self.wanted(config)? {
            let table = whole.entry(section).or_insert_with(|| Table::new().into());
            let table = table.as_table_mut().with_context(|| format!("{section} is no section in it"))?;
            table.insert(key.into(), value);
            is_new = true;
        }
        Ok(is_new.then(|| format!("{HEAD}{whole}")))
    }

    /// What the configuration does not say yet.
    fn wanted(&self, config: &Config) -> anyhow::Result<Vec<(&'static str, &'static str, Value)>> {
        let mut wanted = Vec::new();
        let folders = |folders: &[PathBuf]| -> Vec<Value> {
            folders.iter().map(|folder| folder.display().to_string().into()).collect()
        };
        if self.folders != config.recordings.watched() {
            wanted.push(("recordings", "folders", folders(&self.folders).into()));
        }
        if self.model != config.speech.model {
            wanted.push(("speech", "model", self.model.clone().into()));
        }
        if let Looking::Elsewhere { name, proxy } = &self.looking {
            if !config.http.hosts.contains(name) {
                let mut hosts = config.http.hosts.clone();
                hosts.push(name.clone());
                wanted.push(("http", "hosts", hosts.into()));
            }
            if config.http.public_url.is_none() {
                wanted.push(("http", "public_url", public_url(name, proxy.as_deref()).into()));
            }
            if let Some(proxy) = proxy {
                let address: IpNet = proxy
                    .parse()
                    .or_else(|_| proxy.parse::<std::net::IpAddr>().map(IpNet::from))
                    .with_context(|| format!("{proxy:?} is no address of a proxy, like 127.0.0.1, nor none"))?;
                if !config.http.proxies.contains(&address) {
                    let mut proxies: Vec<String> = config.http.proxies.iter().map(ToString::to_string).collect();
                    proxies.push(proxy.clone());
                    wanted.push(("http", "proxies", proxies.into()));
                }
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn answers(folders: &[&str], model: &str, looking: Looking) -> Answers {
        Answers { folders: folders.iter().map(PathBuf::from).collect(), model: model.into(), looking }
    }

    #[test]
    fn only_what_is_new_is_written_and_what_was_there_is_kept() {
        let config =
            Config::parse(Path::new("x.toml"), "[recordings]\nfolders = [\"/srv/calls\"]\n").expect("well made");
        let model = config.speech.model.clone();
        let same = answers(&["/srv/calls"], &model, Looking::Here);
        assert_eq!(same.file("", &config).expect("answers"), None);

        let elsewhere = Looking::Elsewhere { name: "calls.example.com".into(), proxy: Some("127.0.0.1".into()) };
        let more = answers(&["/srv/calls", "/srv/more"], "tiny.en-q8_0", elsewhere);
        let text = more.file("[log]\nlevel = \"debug\"\n", &config).expect("answers").expect("new");
        let read = Config::parse(Path::new("50-setup.toml"), &text).expect("it can be used");
        assert_eq!(read.recordings.watched().len(), 2);
        assert_eq!((read.speech.model.as_str(), read.log.level), ("tiny.en-q8_0", log::LevelFilter::Debug));
        assert_eq!(read.http.hosts, ["calls.example.com"]);
        assert_eq!(read.http.public_url.as_deref(), Some("https://calls.example.com/lineside/"));
        assert!(read.http.proxies.iter().any(|net| net.contains(&std::net::IpAddr::from([127, 0, 0, 1]))));
        let again = answers(&["/srv/calls", "/srv/more"], "tiny.en-q8_0", more.looking.clone());
        assert_eq!(again.file(&text, &read).expect("answers"), None, "asked again, the same answers need nothing");

        let own = answers(&[], &model, Looking::Elsewhere { name: "calls.example.com".into(), proxy: None });
        let text = own.file("", &config).expect("answers").expect("new");
        assert!(text.contains("public_url = \"https://calls.example.com/\""), "its own TLS has no path: {text}");

        let wrong = Looking::Elsewhere { name: "c".into(), proxy: Some("nginx".into()) };
        let error = answers(&[], "m", wrong).file("", &config).expect_err("no address").to_string();
        assert!(error.contains("nginx"), "{error}");
    }

    #[test]
    fn the_address_is_the_one_under_which_the_nginx_file_of_the_package_shows_the_pages() {
        let nginx = include_str!("../../../etc/nginx/lineside.conf");
        let between = |begin: &str, end: &str| {
            let rest = nginx.split(begin).nth(1).unwrap_or_else(|| panic!("no {begin:?} in the file"));
            rest.split(end).next().unwrap_or_default()
        };
        let (name, path) = (between("server_name ", ";"), between("location /", " {"));
        assert!(nginx.contains(&format!("location /{path} {{\n        proxy_pass http://127.0.0.1:8123/;")), "{path}");
        assert_eq!(public_url(name, Some("127.0.0.1")), format!("https://{name}/{path}"));
        assert_eq!(public_url(name, Some("127.0.0.1")), between("public_url = \"", "\""), "what its head says");
        let head: Vec<&str> = nginx.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
        let says = Config::parse(Path::new("head.toml"), &head.join("\n")).expect("its head can be used");
        let looking = Looking::Elsewhere { name: name.into(), proxy: Some("127.0.0.1".into()) };
        let model = says.speech.model.clone();
        let same = Answers { folders: says.recordings.watched().to_vec(), model, looking };
        assert_eq!(same.file("", &says).expect("answers"), None, "whoever did as it says needs nothing more");
    }
}
