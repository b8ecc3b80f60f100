//! The wrapper as a handler, for rmcp's HTTP service and for whoever else takes a handler rather than a transport.
//!
//! Each method turns its parameters back into the request that they came from and hands that to the guarded session
//! ([`bridge`](crate::bridge)). A method that is not here (one that a later rmcp adds) has rmcp's own answer, which is
//! that there is no such method: it does not reach the server inside.

#![expect(deprecated, reason = "what is deprecated is still to be guarded")]

use std::borrow::Cow;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelTaskRequest,
        ClientNotification, ClientRequest, CompleteRequest, CompleteRequestParams, CompleteResult,
        CustomNotification, CustomRequest, CustomResult, DiscoverRequest, DiscoverRequestParams,
        DiscoverResult, GetExtensions as _, GetMeta as _, GetPromptRequest, GetPromptRequestParams,
        GetPromptResponse, GetSkillRequest, GetSkillRequestParams, GetSkillResult, GetTaskParams,
        GetTaskRequest, GetTaskResult, InitializeRequest, InitializeRequestParams, InitializeResult,
        InitializedNotification, ListPromptsRequest, ListPromptsResult, ListResourceTemplatesRequest,
        ListResourceTemplatesResult, ListResourcesRequest, ListResourcesResult, ListSkillsRequest,
        ListSkillsResult, ListToolsRequest, ListToolsResult, NotificationMetaObject, PaginatedRequestParams,
        PingRequest, ProgressNotification, ProgressNotificationParam, ProtocolVersion,
        ReadResourceDirectoryRequest, ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult,
        ReadResourceRequest, ReadResourceRequestParams, ReadResourceResponse, RequestMetaObject,
        RootsListChangedNotification, ServerConfig, ServerResult, SetLevelRequest, SetLevelRequestParams,
        SubscribeRequest, SubscribeRequestParams, SubscriptionFilter, SubscriptionsListenRequest,
        SubscriptionsListenRequestParams, Tool, UnsubscribeRequest, UnsubscribeRequestParams,
        UpdateTaskParams, UpdateTaskRequest,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};

use crate::{
    Airlocked,
    bridge::{Opening, Session},
};

impl<S: ServerHandler> Airlocked<S> {
    /// The session of the server inside, begun as the outer loop began its own.
    fn session(
        &self,
        request: Option<&ClientRequest>,
        context: &RequestContext<RoleServer>,
    ) -> Result<&Session, ErrorData> {
        let session = self.session.get_or_init(|| {
            let opening = match (request, context.peer.peer_info()) {
                (Some(ClientRequest::InitializeRequest(_)), _) => Opening::Handshake,
                (_, None) if context.meta.protocol_version().is_some() => Opening::Handshake,
                (_, known) => Opening::Known(known),
            };
            Session::start(self.server.clone(), self.setup.clone(), opening, context.peer.clone())
        });
        let session = session.as_ref().map_err(|error| {
            tracing::error!(target: "airlock", "{error}");
            // What is wrong with this machine is no business of the client's.
            ErrorData::internal_error("the guard of this server could not start", None)
        })?;
        session.reach(context.peer.clone());
        Ok(session)
    }

    async fn request(
        &self,
        request: impl Into<ClientRequest>,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let mut request = request.into();
        let session = self.session(Some(&request), &context)?;
        let RequestContext { ct, id, meta, extensions, .. } = context;
        *request.extensions_mut() = extensions;
        if meta != RequestMetaObject::default() {
            *request.get_meta_mut() = meta;
        }
        tokio::select! {
            biased;
            answer = session.request(request, id) => answer,
            () = ct.cancelled() => Err(ErrorData::internal_error("the request was cancelled", None)),
        }
    }

    fn notify(&self, notification: impl Into<ClientNotification>, context: NotificationContext<RoleServer>) {
        // Before the first request there is nobody to be told.
        let Some(Ok(session)) = self.session.get() else { return };
        let mut notification = notification.into();
        let NotificationContext { meta, extensions, .. } = context;
        *notification.extensions_mut() = extensions;
        if meta != NotificationMetaObject::default() {
            *notification.get_meta_mut() = meta;
        }
        session.notify(notification);
    }
}

/// The answer was of a kind that the request cannot have.
fn unexpected() -> ErrorData {
    ErrorData::internal_error("the server's answer is of the wrong kind", None)
}

fn paged<R: Default>(page: Option<PaginatedRequestParams>, with: fn(PaginatedRequestParams) -> R) -> R {
    page.map_or_else(R::default, with)
}

/// Hands a request over, and takes the answer for what it has to be: one of several kinds, or an acknowledgement.
macro_rules! pass {
    ($self:ident, $request:expr, $context:expr, $kind:ident) => {
        match $self.request($request, $context).await? {
            ServerResult::$kind(_) => Ok(()),
            _ => Err(unexpected()),
        }
    };
    ($self:ident, $request:expr, $context:expr, $($kind:ident),+ => $answer:expr) => {
        match $self.request($request, $context).await? {
            $(ServerResult::$kind(result) => Ok($answer(result)),)+
            _ => Err(unexpected()),
        }
    };
}

impl<S: ServerHandler> ServerHandler for Airlocked<S> {
    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        pass!(self, PingRequest::default(), context, EmptyResult)
    }

    async fn initialize(
        &self,
        params: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(params.clone());
        pass!(self, InitializeRequest::new(params), context, InitializeResult => Into::into)
    }

    fn negotiate_initialize(&self, params: &InitializeRequestParams) -> Result<InitializeResult, ErrorData> {
        self.server.negotiate_initialize(params)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.server.supported_protocol_versions()
    }

    async fn discover(&self, context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let request = DiscoverRequest::new(DiscoverRequestParams::default());
        pass!(self, request, context, DiscoverResult => Into::into)
    }

    async fn complete(
        &self,
        params: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        pass!(self, CompleteRequest::new(params), context, CompleteResult => Into::into)
    }

    async fn set_level(
        &self,
        params: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        pass!(self, SetLevelRequest::new(params), context, EmptyResult)
    }

    async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let request = GetPromptRequest::new(params);
        pass!(self, request, context, GetPromptResult, InputRequiredResult => Into::into)
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let request = paged(page, ListPromptsRequest::with_param);
        pass!(self, request, context, ListPromptsResult => Into::into)
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let request = paged(page, ListResourcesRequest::with_param);
        pass!(self, request, context, ListResourcesResult => Into::into)
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let request = paged(page, ListResourceTemplatesRequest::with_param);
        pass!(self, request, context, ListResourceTemplatesResult => Into::into)
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let request = ReadResourceRequest::new(params);
        pass!(self, request, context, ReadResourceResult, InputRequiredResult => Into::into)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.server.accepted_subscription_filter(requested)
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let params = SubscriptionsListenRequestParams::new(subscription.requested().clone());
        let request = SubscriptionsListenRequest::new(params);
        let context = subscription.request_context().clone();
        pass!(self, request, context, SubscriptionsListenResult)
    }

    async fn subscribe(
        &self,
        params: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        pass!(self, SubscribeRequest::new(params), context, EmptyResult)
    }

    async fn unsubscribe(
        &self,
        params: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        pass!(self, UnsubscribeRequest::new(params), context, EmptyResult)
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let request = CallToolRequest::new(params);
        pass!(self, request, context, CallToolResult, InputRequiredResult, CreateTaskResult => Into::into)
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let request = paged(page, ListToolsRequest::with_param);
        pass!(self, request, context, ListToolsResult => Into::into)
    }

    /// Only the schema is used, to compare the headers of a request with its body.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.server.get_tool(name)
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let result = self.request(request, context).await?;
        serde_json::to_value(result).map(CustomResult::new).map_err(|_| unexpected())
    }

    async fn on_progress(&self, params: ProgressNotificationParam, context: NotificationContext<RoleServer>) {
        self.notify(ProgressNotification::new(params), context);
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.notify(InitializedNotification::default(), context);
    }

    async fn on_roots_list_changed(&self, context: NotificationContext<RoleServer>) {
        self.notify(RootsListChangedNotification::default(), context);
    }

    async fn on_custom_notification(
        &self,
        notification: CustomNotification,
        context: NotificationContext<RoleServer>,
    ) {
        self.notify(notification, context);
    }

    fn get_info(&self) -> ServerConfig {
        self.server.get_info()
    }

    async fn get_task(
        &self,
        params: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        pass!(self, GetTaskRequest::new(params), context, GetTaskResult => Into::into)
    }

    async fn update_task(
        &self,
        params: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        pass!(self, UpdateTaskRequest::new(params), context, TaskAckResult)
    }

    async fn cancel_task(
        &self,
        params: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        pass!(self, CancelTaskRequest::new(params), context, TaskAckResult)
    }

    async fn list_skills(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        let request = paged(page, ListSkillsRequest::with_param);
        pass!(self, request, context, ListSkillsResult => Into::into)
    }

    async fn get_skill(
        &self,
        params: GetSkillRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        pass!(self, GetSkillRequest::new(params), context, GetSkillResult => Into::into)
    }

    async fn read_resource_directory(
        &self,
        params: ReadResourceDirectoryRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceDirectoryResult, ErrorData> {
        let request = ReadResourceDirectoryRequest::new(params);
        pass!(self, request, context, ListResourcesResult => Into::into)
    }
}
