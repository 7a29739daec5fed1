//! How methods about a conversation or a message are declared: where they are is said the same everywhere.

/// The conversation that a method's parameters mean.
macro_rules! meant {
    ($method:expr) => {
        $crate::target::Meant {
            with: $method.with.as_deref(),
            group: $method.group.as_deref(),
            conversation: $method.conversation.as_deref(),
        }
    };
}

/// Declares a method about one conversation: what more there is to say, what it answers with, and what it does.
macro_rules! about_a_conversation {
    (
        $(#[$about:meta])*
        $name:ident $method:literal -> $answer:ty { $($(#[$field_about:meta])* $field:ident: $type:ty,)* }
        |$this:ident, $desk:ident, $id:ident| $do:expr
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The conversation with this person …
            #[serde(default)]
            pub with: Option<String>,
            /// … or this group, by name or id.
            #[serde(default)]
            pub group: Option<String>,
            /// … or the one with this id, which events have.
            #[serde(default)]
            pub conversation: Option<String>,
            $($(#[$field_about])* pub $field: $type,)*
            /// How long to wait for the server, in seconds.
            #[serde(default)]
            pub timeout_s: Option<u64>,
        }

        impl Method for $name {
            const NAME: &'static str = $method;
            type Answer = $answer;

            fn timeout_s(&self) -> Option<u64> {
                self.timeout_s
            }

            async fn carry_out(self, $desk: &Desk) -> Result<$answer, Fault> {
                let $this = self;
                let found = $desk.find(&meant!($this), $crate::desk::patience($this.timeout_s)).await?;
                let $id = found.conversation;
                $do
            }
        }
    };
}

/// Declares a method about one message: where it is, which it is, what more there is to say, and what to ask the engine for.
macro_rules! about_a_message {
    (
        $(#[$about:meta])*
        $name:ident $method:literal { $($(#[$field_about:meta])* $field:ident: $type:ty,)* } $carry_out:expr
    ) => {
        about_a_conversation! {
            $(#[$about])*
            $name $method -> $crate::method::Done {
                /// The message's id, or the beginning of that.
                id: String,
                $($(#[$field_about])* $field: $type,)*
            } |this, desk, conversation| {
                let patience = $crate::desk::patience(this.timeout_s);
                let message = desk.message(conversation, &this.id).await?;
                let make: fn($name, MessageRef) -> (&'static str, Command) = $carry_out;
                let (done, command) = make(this, message);
                let is_for_oneself = matches!(command, Command::Set(_));
                desk.client.command(command).await?;
                if is_for_oneself {
                    desk.tell_own_devices(patience).await?;
                }
                $crate::method::message::all_sent(desk, conversation, done, patience).await
            }
        }
    };
}
