//! Which texts there are, a section for each page.

use serde::Deserialize;

use super::Text;

/// A table of the file, with a text under each name.
macro_rules! section {
    ($(#[$doc:meta])* $section:ident: $($name:ident)+) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $section {
            $(pub(crate) $name: Text,)+
        }
    };
}

mod admin;

use admin::{
    AdminAudit, AdminForm, AdminKeys, AdminLimits, AdminModels, AdminOverview, AdminReports, AdminUsers,
};

/// All texts of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Texts {
    /// The language, as in the attribute `lang` of HTML.
    pub(crate) lang: Text,
    pub(crate) shell: Shell,
    pub(crate) sign_in: SignIn,
    pub(crate) agreement: Agreement,
    pub(crate) keys: Keys,
    pub(crate) made: Made,
    pub(crate) revoke: Revoke,
    pub(crate) usage: Usage,
    pub(crate) limits: Limits,
    pub(crate) models: Models,
    pub(crate) refused: Refused,
    pub(crate) error: Error,
    pub(crate) signed_out: SignedOut,
    pub(crate) leave: Leave,
    pub(crate) hand_over: HandOver,
    pub(crate) admin: Admin,
    pub(crate) admin_sign_in: AdminSignIn,
    pub(crate) admin_signed_out: AdminSignedOut,
    pub(crate) admin_form: AdminForm,
    pub(crate) admin_overview: AdminOverview,
    pub(crate) admin_models: AdminModels,
    pub(crate) admin_keys: AdminKeys,
    pub(crate) admin_users: AdminUsers,
    pub(crate) admin_limits: AdminLimits,
    pub(crate) admin_reports: AdminReports,
    pub(crate) admin_audit: AdminAudit,
}

section! {
    /// Around every page.
    Shell:
        product skip navigation keys usage limits models account sign_out sign_out_everywhere
        administration degraded support home copy copied never all_models
}

section! {
    /// Where people sign in.
    SignIn:
        title lead button link_title link_text
}

section! {
    /// The terms of use.
    Agreement:
        title lead changed version agree scroll
}

section! {
    /// The list of keys.
    Keys:
        title lead count list empty_title empty_text empty_one empty_two empty_three made last_used
        expires models active expiring gone revoked replaced old old_table column_name
        column_state manage manage_old name save overlap overlap_hint overlap_none overlap_hour
        overlap_day overlap_week replace revoke revoke_label manage_label new new_name_hint
        new_models new_models_hint new_expires never days30 days90 days365 on_date date date_hint
        make failed failed_link full_title full_text
}

section! {
    /// A key that was just made.
    Made:
        title rotated once_title once key base_url model use_title use_hint no_model curl python
        javascript open_webui continue_dev python_hint javascript_hint webui_url webui_key
        open_webui_hint continue_hint code copy_what done
}

section! {
    /// Before a key is revoked.
    Revoke:
        title text confirm keep
}

section! {
    /// What was used.
    Usage:
        title period today week days30 month csv late total requests tokens_in tokens_cached
        cached_part tokens_out cost_in chart series_in series_out by_model by_key model key empty
        empty_hint first_key
}

section! {
    /// What may be used.
    Limits:
        title lead whose left of per resets unknown none_title none reached percent
}

section! {
    /// Which models there are.
    Models:
        title lead prices owner aliases context_tokens prompt cached completion unit free none_title none
        copy_what
}

section! {
    /// Who may not come in.
    Refused:
        title text
}

section! {
    /// What went wrong.
    Error:
        status back
}

section! {
    /// After signing out.
    SignedOut:
        title here everywhere partly again
}

section! {
    /// Before signing out.
    Leave:
        title text stay
}

section! {
    /// On the way to the administration.
    HandOver:
        title text button stay
}

section! {
    /// Around every page of the administration.
    Admin:
        title overview models keys users limits reports audit administrator auditor may_change may_look
}

section! {
    /// Where administrators and auditors sign in.
    AdminSignIn:
        title portal_text portal_button key_title key key_hint button wrong wait
}

section! {
    /// After signing out of the administration.
    AdminSignedOut:
        here everywhere portal
}
