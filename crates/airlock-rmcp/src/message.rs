//! Between rmcp's typed messages and the JSON that the guard judges.
//!
//! What rmcp has read is the value: a message that the guard leaves alone goes on as it is. Only an edited one is
//! made anew, and then from the edited JSON.

use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, CustomNotification, CustomRequest, CustomResult, ErrorData,
    Extensions, GetExtensions as _, JsonObject, JsonRpcMessage, NotificationMetaObject, RequestId,
    RequestMetaObject, ServerJsonRpcMessage, ServerNotification, ServerRequest, ServerResult,
};
use serde_json::Value;

/// The message cannot be written or read as what it was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl From<serde_json::Error> for Unreadable {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

/// The id of a request or an answer.
pub(crate) fn id_of<Q, R, N>(message: &JsonRpcMessage<Q, R, N>) -> Option<&RequestId> {
    match message {
        JsonRpcMessage::Request(request) => Some(&request.id),
        JsonRpcMessage::Response(response) => Some(&response.id),
        JsonRpcMessage::Error(error) => error.id.as_ref(),
        JsonRpcMessage::Notification(_) => None,
    }
}

/// What travels beside a message of the client and never on the wire: the host's own data about it.
pub(crate) fn extensions_of(message: &ClientJsonRpcMessage) -> Option<&Extensions> {
    match message {
        JsonRpcMessage::Request(request) => Some(request.request.extensions()),
        JsonRpcMessage::Notification(notification) => Some(notification.notification.extensions()),
        JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => None,
    }
}

/// What the host knows about a message, without what its sender wrote into `_meta`.
pub(crate) fn host_extensions(message: &ClientJsonRpcMessage) -> Extensions {
    let mut extensions = extensions_of(message).cloned().unwrap_or_default();
    extensions.remove::<RequestMetaObject>();
    extensions.remove::<NotificationMetaObject>();
    extensions.remove::<rmcp::model::MetaObject>();
    extensions
}

/// A message of the client with the arguments that were admitted in the place of those that came: the same values,
/// without the ghosts. Everything else stays.
pub(crate) fn with_admitted(
    mut message: ClientJsonRpcMessage,
    admitted: &[u8],
) -> Result<ClientJsonRpcMessage, Unreadable> {
    let admitted: Value = serde_json::from_slice(admitted)?;
    let kept = admitted.pointer("/params/arguments").and_then(Value::as_object).ok_or(Unreadable)?;
    let JsonRpcMessage::Request(request) = &mut message else { return Err(Unreadable) };
    let arguments = match &mut request.request {
        ClientRequest::CallToolRequest(call) => call.params.arguments.as_mut(),
        ClientRequest::GetPromptRequest(get) => get.params.arguments.as_mut(),
        _ => None,
    };
    prune_object(arguments.ok_or(Unreadable)?, kept)?;
    // Not only the arguments: nothing but what was admitted goes on.
    if serde_json::to_value(&message)? == admitted { Ok(message) } else { Err(Unreadable) }
}

/// Drops the members that are not in `kept`. Anything else that differs means that this is not what was admitted.
fn prune_object(object: &mut JsonObject, kept: &JsonObject) -> Result<(), Unreadable> {
    object.retain(|name, _| kept.contains_key(name));
    if object.len() != kept.len() {
        return Err(Unreadable);
    }
    object.iter_mut().try_for_each(|(name, value)| prune(value, kept.get(name).ok_or(Unreadable)?))
}

fn prune(value: &mut Value, kept: &Value) -> Result<(), Unreadable> {
    match (value, kept) {
        (Value::Object(object), Value::Object(kept)) => prune_object(object, kept),
        (Value::Array(items), Value::Array(kept)) if items.len() == kept.len() => {
            items.iter_mut().zip(kept).try_for_each(|(item, kept)| prune(item, kept))
        }
        (Value::Array(_), Value::Array(_)) => Err(Unreadable),
        (leaf, kept) if leaf == kept => Ok(()),
        _ => Err(Unreadable),
    }
}

/// A message to the server that the guard made itself, or that it kept and of which only the bytes are known.
pub(crate) fn client_message(line: &[u8]) -> Result<ClientJsonRpcMessage, Unreadable> {
    Ok(serde_json::from_slice(line)?)
}

/// A message to the client that the guard made itself: a refusal.
pub(crate) fn refusal(line: &[u8]) -> Result<ServerJsonRpcMessage, Unreadable> {
    let mut message: Value = serde_json::from_slice(line)?;
    let id = message.get_mut("id").map(Value::take).filter(|id| !id.is_null());
    let id: Option<RequestId> = id.map(serde_json::from_value).transpose()?;
    if let Some(error) = message.get_mut("error") {
        let error: ErrorData = serde_json::from_value(error.take())?;
        return Ok(JsonRpcMessage::error(error, id));
    }
    let result = message.get_mut("result").map(Value::take).ok_or(Unreadable)?;
    let result = serde_json::from_value(result)?;
    Ok(JsonRpcMessage::response(ServerResult::CallToolResult(result), id.ok_or(Unreadable)?))
}

/// A message of the server with the guard's edits in it.
pub(crate) fn with_edits(
    message: ServerJsonRpcMessage,
    edited: &[u8],
) -> Result<ServerJsonRpcMessage, Unreadable> {
    let mut edited: Value = serde_json::from_slice(edited)?;
    let mut take = |member: &str| edited.get_mut(member).map(Value::take);
    Ok(match message {
        JsonRpcMessage::Response(response) => {
            let result = take("result").ok_or(Unreadable)?;
            JsonRpcMessage::response(result_with_edits(&response.result, result), response.id)
        }
        JsonRpcMessage::Error(error) => {
            let edited = take("error").ok_or(Unreadable)?;
            JsonRpcMessage::error(serde_json::from_value(edited)?, error.id)
        }
        JsonRpcMessage::Request(mut request) => {
            let params = take("params");
            let extensions = std::mem::take(request.request.extensions_mut());
            JsonRpcMessage::request(request_with_edits(&request.request, params, extensions), request.id)
        }
        JsonRpcMessage::Notification(mut notification) => {
            let params = take("params");
            let extensions = std::mem::take(notification.notification.extensions_mut());
            let notification = notification_with_edits(&notification.notification, params, extensions);
            JsonRpcMessage::notification(notification)
        }
    })
}

/// Reads a result as the kind that it was. Where that would lose anything, it stays the plain JSON that it is: on
/// the wire both are the same.
fn result_with_edits(original: &ServerResult, edited: Value) -> ServerResult {
    macro_rules! same_kind {
        ($($kind:ident),* $(,)?) => {
            match original {
                $(ServerResult::$kind(_) => {
                    serde_json::from_value(edited.clone()).ok().map(ServerResult::$kind)
                })*
                _ => None,
            }
        };
    }
    let typed = same_kind!(
        DiscoverResult,
        InitializeResult,
        CompleteResult,
        GetPromptResult,
        ListPromptsResult,
        ListResourcesResult,
        ListResourceTemplatesResult,
        ReadResourceResult,
        SubscriptionsListenResult,
        ListToolsResult,
        ListSkillsResult,
        GetSkillResult,
        ElicitResult,
        CreateTaskResult,
        GetTaskResult,
        CallToolResult,
        InputRequiredResult,
    );
    match typed {
        Some(typed) if serde_json::to_value(&typed).is_ok_and(|written| written == edited) => typed,
        _ => ServerResult::CustomResult(CustomResult::new(edited)),
    }
}

/// As [`result_with_edits`], for what the server asks; what the host put beside it stays beside it.
fn request_with_edits(
    original: &ServerRequest,
    params: Option<Value>,
    extensions: Extensions,
) -> ServerRequest {
    let method = method_of(original);
    let edited = whole(&method, params.as_ref());
    match serde_json::from_value::<ServerRequest>(edited.clone()) {
        Ok(mut typed) if serde_json::to_value(&typed).is_ok_and(|written| written == edited) => {
            keep_host_data(typed.extensions_mut(), extensions);
            typed
        }
        _ => {
            let mut custom = CustomRequest::new(method, params);
            keep_host_data(&mut custom.extensions, extensions);
            ServerRequest::CustomRequest(custom)
        }
    }
}

/// As [`request_with_edits`], for what the server tells.
fn notification_with_edits(
    original: &ServerNotification,
    params: Option<Value>,
    extensions: Extensions,
) -> ServerNotification {
    let method = method_of(original);
    let edited = whole(&method, params.as_ref());
    match serde_json::from_value::<ServerNotification>(edited.clone()) {
        Ok(mut typed) if serde_json::to_value(&typed).is_ok_and(|written| written == edited) => {
            keep_host_data(typed.extensions_mut(), extensions);
            typed
        }
        _ => {
            let mut custom = CustomNotification::new(method, params);
            keep_host_data(&mut custom.extensions, extensions);
            ServerNotification::CustomNotification(custom)
        }
    }
}

fn method_of(message: &impl serde::Serialize) -> String {
    let written = serde_json::to_value(message).unwrap_or_default();
    written.get("method").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn whole(method: &str, params: Option<&Value>) -> Value {
    match params {
        Some(params) => serde_json::json!({"method": method, "params": params}),
        None => serde_json::json!({"method": method}),
    }
}

/// `_meta` is as it was edited; what is not on the wire was not edited.
fn keep_host_data(edited: &mut Extensions, original: Extensions) {
    let mut kept = original;
    kept.remove::<RequestMetaObject>();
    kept.remove::<NotificationMetaObject>();
    kept.remove::<rmcp::model::MetaObject>();
    kept.extend(std::mem::take(edited));
    *edited = kept;
}

#[cfg(test)]
mod tests {
    use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage, ServerResult};
    use serde_json::{Value, json};

    use super::{Unreadable, client_message, refusal, with_admitted, with_edits};

    fn call(arguments: &Value) -> ClientJsonRpcMessage {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "t", "arguments": arguments}});
        client_message(message.to_string().as_bytes()).unwrap()
    }

    fn admitted(came: &Value, admitted: &Value) -> Result<Value, Unreadable> {
        let line = serde_json::to_vec(&call(admitted)).unwrap();
        let message = serde_json::to_value(with_admitted(call(came), &line)?).unwrap();
        Ok(message["params"]["arguments"].clone())
    }

    #[test]
    fn ghosts_are_taken_out() {
        for (came, left) in [
            (json!({"a": 1, "b": 2}), json!({"a": 1})),
            (json!({"a": {"b": [1, {"c": null, "d": "x"}]}}), json!({"a": {"b": [1, {"c": null}]}})),
            (
                json!({"a": 0.1, "b": u64::MAX, "c": i64::MIN, "g": 1}),
                json!({"a": 0.1, "b": u64::MAX, "c": i64::MIN}),
            ),
            (json!({"a": 1}), json!({})),
        ] {
            assert_eq!(admitted(&came, &left), Ok(left));
        }
    }

    #[test]
    fn only_less_can_have_been_admitted() {
        for (came, other) in [
            (json!({"a": 1}), json!({"a": 2})),
            (json!({"a": 1}), json!({"a": 1, "b": 2})),
            (json!({"a": 1}), json!({"b": 1})),
            (json!({"a": 1}), json!({"a": "1"})),
            (json!({"a": [1, 2]}), json!({"a": [1]})),
            (json!({"a": {"b": 1}}), json!({"a": []})),
        ] {
            assert_eq!(admitted(&came, &other), Err(Unreadable), "{came} {other}");
        }
        assert!(with_admitted(call(&json!({})), b"{}").is_err());
        let other = serde_json::to_string(&call(&json!({"a": 1}))).unwrap();
        for (from, to) in
            [("\"t\"", "\"u\""), ("\"id\":1", "\"id\":2"), ("\"a\":1}", "\"a\":1},\"requestState\":\"x\"")]
        {
            assert!(other.contains(from), "{other}");
            assert!(
                with_admitted(call(&json!({"a": 1})), other.replace(from, to).as_bytes()).is_err(),
                "{to}"
            );
        }
        assert!(with_admitted(call(&json!({"a": 1})), other.as_bytes()).is_ok(), "positive control");
        let ping = client_message(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).unwrap();
        let line = serde_json::to_vec(&call(&json!({}))).unwrap();
        assert!(with_admitted(ping, &line).is_err());
    }

    fn server(message: &Value) -> ServerJsonRpcMessage {
        serde_json::from_value(message.clone()).unwrap()
    }

    #[test]
    fn an_edited_message_is_what_was_edited() {
        let result = |result: Value| json!({"jsonrpc": "2.0", "id": "a", "result": result});
        let note =
            |params: Value| json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params});
        for (original, edited) in [
            (
                result(
                    json!({"content": [{"type": "text", "text": "a"}], "structuredContent": {"n": 5e-324}}),
                ),
                result(
                    json!({"content": [{"type": "text", "text": "*"}], "structuredContent": {"n": 5e-324}}),
                ),
            ),
            (result(json!({"tools": []})), result(json!({"tools": [], "extra": 1}))),
            (result(json!({"vendor": "a"})), result(json!({"vendor": "*"}))),
            (
                json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "a", "data": ["a"]}}),
                json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "*", "data": ["*"]}}),
            ),
            (
                note(json!({"level": "info", "data": "a"})),
                note(json!({"level": "info", "data": "*", "_meta": {"x": 1}})),
            ),
            (note(json!({"level": "info", "data": "a"})), note(json!({"level": "*", "data": "*"}))),
            (
                json!({"jsonrpc": "2.0", "id": 1, "method": "vendor/ask", "params": {"a": "a"}}),
                json!({"jsonrpc": "2.0", "id": 1, "method": "vendor/ask", "params": {"a": "*"}}),
            ),
        ] {
            let made = with_edits(server(&original), edited.to_string().as_bytes()).unwrap();
            assert_eq!(serde_json::to_value(made).unwrap(), edited);
        }
    }

    #[test]
    fn a_result_stays_the_kind_that_it_was() {
        let list = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}});
        let made = with_edits(server(&list), list.to_string().as_bytes()).unwrap();
        assert!(
            matches!(made, JsonRpcMessage::Response(response) if matches!(response.result, ServerResult::ListToolsResult(_)))
        );
    }

    #[test]
    fn refusals_are_read() {
        for refused in [
            json!({"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "no"}], "isError": true}}),
            json!({"jsonrpc": "2.0", "id": "x", "error": {"code": -31000, "message": "no", "data": {"success": false}}}),
        ] {
            let read = refusal(refused.to_string().as_bytes()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), refused);
        }
        let nobody = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -31000, "message": "no"}});
        assert!(refusal(nobody.to_string().as_bytes()).is_ok());
        assert!(refusal(br#"{"jsonrpc":"2.0","id":1}"#).is_err());
    }
}
