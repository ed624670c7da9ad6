//! Texts of the administration.

use serde::Deserialize;

use super::super::Text;

section! {
    /// What the forms of the administration share.
    AdminForm:
        save cancel keep not_saved conflict_title conflict_text conflict_there nothing limits_hint
        limit_amount limit_of left_title left_unknown left_none left_of left_what left_amount left_used
        left_left left_resets pages first next any filter clear
}

section! {
    /// How the service is used now.
    AdminOverview:
        day month failed failed_of hours days targets targets_hint no_targets target last_state last
        works fails reports
}

section! {
    /// Models.
    AdminModels:
        title add remove empty_title empty model state targets access price active disabled
        default_target everyone nobody these_groups id id_hint groups groups_hint aliases aliases_hint owned_by
        owned_by_hint targets_hint target base_url base_url_hint target_model target_model_hint secret
        secret_hint secret_text secret_text_hint more target_id target_id_hint weight weight_hint
        max_in_flight max_in_flight_hint no_stream_usage first_choice_only cumulative prices price_prompt price_cached
        price_completion price_unit limits further endpoints endpoints_hint fallbacks fallbacks_hint context
        context_hint answer answer_hint first_byte first_byte_hint idle idle_hint
}

section! {
    /// Keys of anybody.
    AdminKeys:
        title add key id owner owner_filter owner_hint state limits last_used expires active expired
        revoked revoked_text none_title none empty_title empty name name_hint models models_hint
        last_day last_day_hint make made made_title made_for once to_key to_list change end rotate_hint
}

section! {
    /// Users.
    AdminUsers:
        title add add_lead search group role state user auditor admin active suspended erased
        erased_text none_title none empty_title empty name name_hint mail groups groups_hint
        groups_institution limits make comes institution local last_login seen id keys usage export
        change acts suspend resume sign_out erase
}

section! {
    /// Limits of everyone, each user and groups.
    AdminLimits:
        title lead everyone everyone_from everyone_limits each_user each_user_from each_user_limits
        settings set groups no_groups group each shared from other_group open_group of_group unset
}

section! {
    /// What was used.
    AdminReports:
        title chargeback kind from to by bucket user group key model target endpoint user_model
        total_only whole hour day month only_user only_model show requests tokens_in cached tokens_out
        cost total more empty_title empty
}

section! {
    /// Who changed what.
    AdminAudit:
        title check export well ill counts actor_filter action_filter subject_filter empty_title empty
        none done failed intended details before after hash
}
