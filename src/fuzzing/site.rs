//! The readers of answers: the site's, those in its cache, and those of a Python that was asked something.

use std::path::{Component, Path};

use super::check::{check_error, check_line};
use crate::bootstrap::site_process::HelperReply;
use crate::display::Printable;
use crate::error::{Error, SiteError, SiteFailure};
use crate::helper::probe;
use crate::site::CachedConfig;
use crate::toolkit::realised::site_folder;

/// The folder of a site is one plain name, whatever its address.
pub fn site_address(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for host in [text, &format!("https://{text}")] {
        let Some(name) = site_folder(host) else { continue };
        let parts: Vec<Component> = Path::new(&name).components().collect();
        let is_plain = matches!(parts.as_slice(), [Component::Normal(part)] if **part == *name);
        assert!(is_plain && !name.starts_with('.'), "{name:?}");
    }
}

/// A cached answer stays the same when it is written again; a failure prints on one line.
pub fn site_answer(data: &[u8]) {
    if let Ok(cached) = serde_json::from_slice::<CachedConfig>(data) {
        let written = serde_json::to_vec(&cached).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<CachedConfig>(&written).ok(), Some(cached.clone()));
        cached.age();
        assert_eq!(cached.clone().tried_now().config, cached.config);
    }
    if let Ok(failure) = serde_json::from_slice::<SiteFailure>(data) {
        check_failure(failure);
    }
}

/// A failure prints on one line, and so does progress.
pub fn site_reply(data: &[u8]) {
    match serde_json::from_slice::<HelperReply>(data) {
        Ok(HelperReply::Progress { value, message }) => {
            check_line(&format!("{:3.0} % {}", value * 100.0, Printable::new(&message)));
        }
        Ok(HelperReply::Failed { kind, message }) => check_failure(SiteFailure::of(kind, message)),
        Ok(_) | Err(_) => {}
    }
}

fn check_failure(failure: SiteFailure) {
    let (project, host, log) = ("bigbuck".into(), "https://site".into(), "/log".into());
    check_error(&Error::Site(Box::new(SiteError { project, host, failure, log })));
}

/// A Python that finds another `sgtk` than the core's is in error.
pub fn probe_reply(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Some(probed) = probe::parse(text, Path::new("/no/such/core")) {
        assert!(probed.error.is_some(), "{probed:?}");
    }
}
