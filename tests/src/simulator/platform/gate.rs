//! What is refused before a service sees the request: the gateway's checks of headers, and those
//! of the caller's permissions.

use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::http::request::Parts;
use serde_json::json;

use super::asked::{Answer, Asked};
use crate::simulator::config::SimulatorConfig;
use crate::simulator::shared::State;

/// Checks a request. The codes and texts of missing headers are those of Adobe's troubleshooting
/// page.
pub(super) fn admit(
    config: &SimulatorConfig,
    state: &State,
    head: &Parts,
    asked: &Asked,
) -> Result<(), Answer> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let gateway = |status: u16, code: &str, message: &str| {
        Err((status, json!({"error_code": code, "message": message})))
    };
    match header("x-api-key") {
        None => return gateway(403, "403000", "Api Key is required"),
        Some(key) if key != config.credential.client_id => {
            return gateway(403, "403003", "Api Key is invalid");
        }
        Some(_) => {}
    }
    let Some(authorization) = header(AUTHORIZATION.as_str()) else {
        return gateway(403, "403010", "Oauth token is missing.");
    };
    let token = authorization.split_once(' ').map_or("", |(_, token)| token);
    if !state.tokens.is_good(token) {
        return gateway(401, "401013", "Oauth token is not valid");
    }
    match header("x-gw-ims-org-id") {
        None => return gateway(400, "400003", "Missing header"),
        Some(organization) if organization != config.organization_id => {
            return gateway(403, "403025", "Profile is not valid");
        }
        Some(_) => {}
    }
    if !state.organization.entitled {
        return gateway(403, "403025", "Profile is not valid");
    }
    let about_sandboxes = asked
        .path
        .iter()
        .any(|segment| segment == "sandbox-management");
    let sandbox = header("x-sandbox-name");
    let known = |name: &str| {
        config
            .organization
            .sandboxes
            .iter()
            .any(|known| known == name)
    };
    if !about_sandboxes && !sandbox.is_some_and(known) {
        // No document shows this one.
        let detail = "The sandbox is not known or the caller has no access to it";
        return Err((
            403,
            json!({"title": "Forbidden", "status": 403, "detail": detail}),
        ));
    }
    let has_body = matches!(asked.method, Method::POST | Method::PUT | Method::PATCH);
    let content_type = header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if has_body && !content_type.starts_with("application/json") {
        return Err((
            400,
            json!({"type": "/placeholder/type/uri", "status": 400, "title": "BadRequestError",
                   "detail": "A valid content-type must be specified"}),
        ));
    }
    if let Some(permission) = permission(asked)
        && state.organization.denied.contains(permission)
    {
        // The documents show no body for a permission that is missing.
        return Err((
            403,
            json!({"title": "Forbidden", "status": 403,
                   "detail": "The caller lacks a permission for this operation"}),
        ));
    }
    Ok(())
}

/// What a role must have for a request.
fn permission(asked: &Asked) -> Option<&'static str> {
    let reads = asked.method == Method::GET;
    let pair = match asked.path.get(1).map(String::as_str)? {
        "schemaregistry" => ("View Schemas", "Manage Schemas"),
        "idnamespace" => ("View Identity Namespaces", "Manage Identity Namespaces"),
        "catalog" => ("View Datasets", "Manage Datasets"),
        "flowservice" => ("View Sources", "Manage Sources"),
        "conversion" => ("View Sources", "Manage Sources"),
        _ => return None,
    };
    Some(if reads { pair.0 } else { pair.1 })
}
