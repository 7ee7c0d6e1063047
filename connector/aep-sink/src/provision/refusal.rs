//! Why provisioning does not go on: in words, with who can mend it.

use std::fmt;

/// Longer texts of Experience Platform are cut.
const LONGEST: usize = 300;

/// Why it does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What was being done.
    what: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// No token; the text is that of the token source.
    Token(String),
    /// 403003, 403000: the client id is no API key of Experience Platform.
    ApiKey,
    /// 403025: no product profile, or another organisation.
    Product {
        organization: String,
    },
    /// 403027.
    Region,
    /// 403 without a code of the gateway.
    Permission {
        permission: &'static str,
        sandbox: String,
    },
    Sandbox {
        name: String,
        known: Vec<String>,
    },
    Quota(String),
    Answer {
        status: u16,
        detail: String,
    },
    /// Tried again and again.
    Unavailable(String),
    /// Made or not, nobody knows.
    Lost(String),
    /// There is something of this name that is something else.
    Unfit {
        member: String,
    },
    /// It does not do what it must.
    Useless(String),
    Declined,
    /// A file cannot be read or written, or is another one's.
    File(String),
    Configuration(String),
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>, reason: Reason) -> Self {
        Self {
            what: what.into(),
            reason,
        }
    }

    /// Whether another try may do, with nothing changed.
    pub(super) fn heals(&self) -> bool {
        matches!(self.reason, Reason::Unavailable(_) | Reason::Lost(_))
    }
}

impl Reason {
    /// Reads a refusal of the gateway or of a service.
    pub(super) fn of_answer(
        status: u16,
        body: &str,
        permission: &'static str,
        organization: &str,
        sandbox: &str,
    ) -> Self {
        let answer: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let text = |name: &str| answer[name].as_str().unwrap_or_default();
        let code = match &answer["error_code"] {
            serde_json::Value::String(code) => code.clone(),
            serde_json::Value::Number(code) => code.to_string(),
            _ => String::new(),
        };
        match code.as_str() {
            "403000" | "403003" => return Self::ApiKey,
            "403025" => {
                return Self::Product {
                    organization: organization.to_owned(),
                };
            }
            "403027" => return Self::Region,
            _ => {}
        }
        if status == 401 {
            return Self::Token(
                "Experience Platform refuses the token that Adobe IMS gave for this credential \
                (401); a developer of the organization sees that the project has the Experience \
                Platform API"
                    .to_owned(),
            );
        }
        if status == 403 {
            return Self::Permission {
                permission,
                sandbox: sandbox.to_owned(),
            };
        }
        let detail = ["detail", "errorMessage", "description", "message", "title"]
            .into_iter()
            .map(text)
            .find(|text| !text.is_empty())
            .unwrap_or_default();
        let detail: String = detail
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(LONGEST)
            .collect();
        let lower = detail.to_lowercase();
        if ["quota", "limit exceeded", "maximum number"]
            .iter()
            .any(|word| lower.contains(word))
        {
            return Self::Quota(detail);
        }
        Self::Answer { status, detail }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        match &self.reason {
            Reason::Token(text) | Reason::File(text) | Reason::Configuration(text) => {
                f.write_str(text)
            }
            Reason::ApiKey => f.write_str(
                "Experience Platform does not know the client id as an API key; a developer of the \
                organization adds the Experience Platform API to the project in Adobe's Developer \
                Console",
            ),
            Reason::Product { organization } => write!(
                f,
                "the credential has no product profile of Experience Platform in {organization} \
                (403025); a product administrator adds it to one in the Admin Console \
                (AEP-Default-All-Users), or organization-id is not the credential's"
            ),
            Reason::Region => f.write_str(
                "Adobe knows no region of the credential's technical account (403027); no \
                document says what mends it, so a system administrator asks Adobe's support",
            ),
            Reason::Permission {
                permission,
                sandbox,
            } => write!(
                f,
                "the credential's role lacks '{permission}' in the sandbox '{sandbox}'; a product \
                administrator grants it in Experience Platform (Permissions, Roles) and adds the \
                credential to the role, or give an administrator's with --admin-secrets"
            ),
            Reason::Sandbox { name, known } => write!(
                f,
                "the sandbox '{name}' is not among those the credential may use ({}); a product \
                administrator adds it to the credential's role, or name another with --sandbox",
                if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                }
            ),
            Reason::Quota(detail) => write!(
                f,
                "a quota of the sandbox is exhausted ({detail}); an administrator deletes what is \
                not used any more, or asks Adobe for more"
            ),
            Reason::Answer { status, detail } if detail.is_empty() => {
                write!(f, "Experience Platform refuses it with {status}")
            }
            Reason::Answer { status, detail } => {
                write!(f, "Experience Platform refuses it with {status}: {detail}")
            }
            Reason::Unavailable(reason) => write!(
                f,
                "Experience Platform does not answer as it should ({reason}); run it again later, \
                it goes on where it stopped"
            ),
            Reason::Lost(reason) => write!(
                f,
                "nobody knows yet whether it was made ({reason}); run it again later, it looks \
                before it makes another"
            ),
            Reason::Unfit { member } => write!(
                f,
                "there is one of this name that belongs to something else ({member}), and what \
                provisioning did not make it does not touch; choose another --prefix"
            ),
            Reason::Useless(text) => f.write_str(text),
            Reason::Declined => {
                f.write_str("was not agreed to, so nothing more was made; --yes agrees beforehand")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> String {
        let reason = Reason::of_answer(status, body, "Manage Datasets", "ABC@AdobeOrg", "prod");
        Refusal::new("making the dataset 'x'", reason).to_string()
    }

    #[test]
    fn refusals_name_what_is_missing_and_who_grants_it() {
        for (status, body, parts) in [
            (
                403,
                r#"{"error_code":"403025","message":"Profile is not valid"}"#,
                ["product profile", "ABC@AdobeOrg", "product administrator"],
            ),
            (
                403,
                r#"{"error_code":"403003","message":"Api Key is invalid"}"#,
                ["API key", "Developer Console", "Experience Platform API"],
            ),
            (
                403,
                r#"{"error_code":403027,"message":"User region is missing"}"#,
                ["region", "403027", "support"],
            ),
            (
                403,
                "",
                ["Manage Datasets", "prod", "product administrator"],
            ),
            (
                400,
                r#"{"title":"BadRequestError","detail":"The quota of datasets is exhausted"}"#,
                ["quota", "administrator", "making the dataset"],
            ),
            (
                400,
                r#"{"title":"X","detail":"Name\nis odd"}"#,
                ["400", "Name is odd", "refuses"],
            ),
        ] {
            let said = said(status, body);
            for part in parts {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
    }
}
