//! Records as the mapping of Adobe's Capillary source reads them: the e-mail's namespace is
//! `email`, and the lines of a bill are `productLineItems`. All else is called as in XDM and stays.

/// What the SmartModule writes, and what stands there instead. A quote inside a text has a
/// backslash before it, so none of these stands inside one.
const CHANGED: [(&[u8], &[u8]); 3] = [
    (br#""productListItems":["#, br#""productLineItems":["#),
    (br#""Email":[{"#, EMAIL),
    (br#""email":[{"#, EMAIL),
];

/// Adobe's sample states what is the default in XDM, too.
const EMAIL: &[u8] = br#""email":[{"authenticatedState":"ambiguous","#;

/// The text of a record in that shape, piece by piece.
pub(super) fn pieces(entity: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = entity;
    let mut next: Option<&[u8]> = None;
    std::iter::from_fn(move || {
        if let Some(changed) = next.take() {
            return Some(changed);
        }
        let found = (0..rest.len()).find_map(|at| {
            let (before, here) = rest.split_at_checked(at)?;
            let mut known = CHANGED.iter();
            let (from, to) = known.find(|(from, _)| here.starts_with(from))?;
            Some((before, *to, here.get(from.len()..)?))
        });
        let piece = match found {
            Some((before, to, behind)) => {
                (next, rest) = (Some(to), behind);
                before
            }
            None => std::mem::take(&mut rest),
        };
        (next.is_some() || !piece.is_empty()).then_some(piece)
    })
}

// === tests ===

#[cfg(test)]
mod tests {
    use capillary_xdm::{Input, Mapper, Params};
    use serde_json::{Value, json};

    use super::*;

    /// A record of Capillary's own, as it goes over the wire.
    fn sent(part: &str, event: &Value) -> Value {
        let pairs = [
            ("primary-identity", "email"),
            ("line-price", "before-discount"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (mut answer, value) = (Vec::new(), event.to_string());
        let input = Input {
            offset: 0,
            timestamp: Some(1_789_373_735_000),
            value: value.as_bytes(),
        };
        Mapper::new(Params::from_pairs(pairs).unwrap()).answer(input, &mut answer);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let entity = answer[part].to_string();
        serde_json::from_slice(&pieces(entity.as_bytes()).collect::<Vec<_>>().concat()).unwrap()
    }

    fn raw(name: &str) -> Value {
        let root = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/capillary"
        );
        let text = std::fs::read(format!("{root}/{name}.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn bill_has_every_field_of_adobes_sample() {
        let mut bill = raw("transactionAdded");
        bill["data"]["lineItemsV2"] = json!([
            {"itemCode": "sku_01", "description": "Kitkat", "qty": 1, "amount": 90, "discount": 10}
        ]);
        let sent = sent("event", &bill);
        for pointer in ["/_id", "/timestamp", "/commerce/commerceScope/storeCode"] {
            assert!(
                sent.pointer(pointer).is_some_and(Value::is_string),
                "{sent}"
            );
        }
        assert!(sent.pointer("/commerce/order/priceTotal").is_some());
        let email = &sent["identityMap"]["email"][0];
        assert_eq!(email["authenticatedState"], "ambiguous");
        assert_eq!(email["primary"], true);
        assert!(email["id"].is_string());
        let line = &sent["productLineItems"][0];
        for (key, value) in [
            ("SKU", json!("sku_01")),
            ("quantity", json!(1)),
            ("priceTotal", json!(100)),
            ("name", json!("Kitkat")),
            ("discountAmount", json!(10)),
        ] {
            assert_eq!(line[key], value, "{key}");
        }
        assert!(sent.get("productListItems").is_none());
    }

    #[test]
    fn profile_has_the_identity_under_the_key_of_adobes_sample() {
        let mut event = raw("tierUpgraded");
        event["data"]["customerIdentifiers"]["instore"]["email"] = json!("a@shop.example");
        let sent = sent("profile", &event);
        assert_eq!(
            sent["identityMap"]["email"],
            json!([{"authenticatedState": "ambiguous", "id": "a@shop.example", "primary": true}])
        );
        assert!(sent["loyalty"]["tier"].is_string());
    }

    #[test]
    fn text_that_looks_like_a_key_stays() {
        for entity in [
            "",
            "{}",
            r#"{"a":"\"Email\":[{ \"productListItems\":["}"#,
            r#"{"consents":{"marketing":{"email":{"val":"y"}}},"b":"Email"}"#,
        ] {
            let written = pieces(entity.as_bytes()).collect::<Vec<_>>().concat();
            assert_eq!(String::from_utf8(written).unwrap(), entity);
        }
    }
}
