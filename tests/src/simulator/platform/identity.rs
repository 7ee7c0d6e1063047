//! Identity namespaces.

use hyper::Method;
use serde_json::{Value, json};

use super::asked::{Answer, Asked};
use super::organization::ResourceKind;
use super::{Services, not_found};

/// Some of Adobe's own, as every organisation has them.
const STANDARD: [(u64, &str, &str); 3] = [
    (6, "Email", "Email"),
    (7, "Phone", "Phone"),
    (4, "ECID", "COOKIE"),
];

const TYPES: [&str; 7] = [
    "cookie",
    "cross_device",
    "device",
    "email",
    "mobile",
    "non_people",
    "phone",
];

impl Services<'_> {
    pub(super) fn namespaces(&mut self, asked: &Asked) -> Answer {
        match asked.method {
            Method::GET => {
                let standard = STANDARD.map(|(id, code, id_type)| {
                    json!({"id": id, "code": code, "name": code, "idType": id_type,
                           "status": "ACTIVE", "custom": false})
                });
                let own = self.organization.listed(ResourceKind::Namespace, |_| true);
                (200, standard.into_iter().chain(own).collect())
            }
            Method::POST => self.create_namespace(&asked.body),
            _ => not_found(),
        }
    }

    fn create_namespace(&mut self, body: &Value) -> Answer {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (code, id_type) = (text("code"), text("idType"));
        let refused = |status: u16, title: &str, description: &str, code: &str| {
            let kind = "http://ns.adobe.com/adobecloud/problem/namespacevalidation";
            (
                status,
                json!({"type": kind, "status": status, "title": title,
                       "description": description, "report": {"code": code}}),
            )
        };
        let known = TYPES.contains(&id_type.to_lowercase().as_str());
        let plain = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !known || !plain || text("name").is_empty() {
            return refused(
                400,
                "Namespace validation",
                "Please provide a valid value of idType and code",
                "INVALID_REQUEST_PARAMS",
            );
        }
        let taken = STANDARD.iter().any(|(_, standard, _)| *standard == code)
            || self
                .organization
                .names(ResourceKind::Namespace)
                .contains(&code.as_str());
        if taken {
            return refused(
                409,
                "NAMESPACE_CODE_CONFLICT",
                "Namespace code already exists. Please use a different code",
                "INTEGRATION_CODE_EXISTS",
            );
        }
        let id = self.random.u64(10_000_000..20_000_000);
        let body = json!({
            "id": id, "code": code, "name": text("name"), "description": text("description"),
            "idType": id_type, "status": "ACTIVE", "custom": true,
        });
        self.keep(ResourceKind::Namespace, id.to_string(), &code, body.clone());
        (200, body)
    }
}
