//! Who may ask: the gateway's checks before any service.

use hyper::header::{AUTHORIZATION, HeaderMap};
use serde_json::json;

use crate::simulator::reply::Reply;
use crate::simulator::shared::Shared;

/// Whether the gateway lets a request through; the codes and texts are those of its page on
/// troubleshooting.
pub(super) fn admit(shared: &Shared, headers: &HeaderMap) -> Result<(), Reply> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("x-api-key").is_none_or(str::is_empty) {
        return Err(gateway(403, "403000", "Api Key is required"));
    }
    let Some(token) = header(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' ')) else {
        return Err(gateway(403, "403010", "Oauth token is missing"));
    };
    let good = shared.look(|state| state.tokens.is_good(token.1.trim()));
    if !good {
        return Err(gateway(401, "401013", "Oauth token is not valid"));
    }
    if header("x-gw-ims-org-id") != Some(shared.config.organization_id.as_str()) {
        return Err(gateway(400, "400003", "Missing or wrong organization"));
    }
    if header("x-sandbox-name").is_none_or(str::is_empty) {
        return Err(gateway(400, "400003", "Sandbox header is missing"));
    }
    if shared.look(|state| state.landing.forbidden) {
        return Err(gateway(
            403,
            "403025",
            "Not authorized to access this resource",
        ));
    }
    Ok(())
}

fn gateway(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({"error_code": code, "message": message});
    Reply::json(status, body.to_string())
}

pub(super) fn problem(status: u16, detail: &str) -> Reply {
    let body = json!({"type": "/placeholder/type/uri", "status": status, "title": detail});
    Reply::json(status, body.to_string())
}
