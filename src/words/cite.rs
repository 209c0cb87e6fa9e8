//! The publications that records name, each in one spelling: up to three authors by name, of more the first.

/// Constants, and a list of them all.
macro_rules! citations {
    ($($name:ident = $text:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*

        /// All of them.
        #[cfg(test)]
        const ALL: &[&str] = &[$($name),*];
    };
}

citations! {
    ARJOVSKY_2017 = "Arjovsky et al. 2017";
    BALDUZZI_2018 = "Balduzzi et al. 2018";
    BA_2016 = "Ba et al. 2016";
    BENGIO_2013 = "Bengio, Léonard and Courville 2013";
    BINKOWSKI_2018 = "Bińkowski et al. 2018";
    BROCK_2019 = "Brock, Donahue and Simonyan 2019";
    CHO_2014 = "Cho et al. 2014";
    CLEVERT_2016 = "Clevert, Unterthiner and Hochreiter 2016";
    DINH_2017 = "Dinh et al. 2017";
    DUCHI_2011 = "Duchi et al. 2011";
    DUMOULIN_2016 = "Dumoulin and Visin 2016";
    DUMOULIN_2017 = "Dumoulin et al. 2017";
    GERMAIN_2015 = "Germain et al. 2015";
    GIDEL_2019 = "Gidel et al. 2019";
    GLOROT_2010 = "Glorot and Bengio 2010";
    GOODFELLOW_2013 = "Goodfellow et al. 2013";
    GOODFELLOW_2014 = "Goodfellow et al. 2014";
    GOODFELLOW_2016 = "Goodfellow 2016";
    GULRAJANI_2017 = "Gulrajani et al. 2017";
    HARKONEN_2020 = "Härkönen et al. 2020";
    HENDRYCKS_2016 = "Hendrycks and Gimpel 2016";
    HEUSEL_2017 = "Heusel et al. 2017";
    HE_2015 = "He et al. 2015";
    HOCHREITER_1997 = "Hochreiter and Schmidhuber 1997";
    HUANG_2024 = "Huang et al. 2024";
    HUBER_1964 = "Huber 1964";
    IOFFE_2015 = "Ioffe and Szegedy 2015";
    JANG_2017 = "Jang, Gu and Poole 2017";
    JOLICOEUR_MARTINEAU_2019 = "Jolicoeur-Martineau 2019";
    KAHNG_2018 = "Kahng et al. 2018";
    KINGMA_2015 = "Kingma and Ba 2015";
    KORPELEVICH_1976 = "Korpelevich 1976";
    KYNKAANNIEMI_2019 = "Kynkäänniemi et al. 2019";
    LIM_2017 = "Lim and Ye 2017";
    LIN_2018 = "Lin et al. 2018";
    LOSHCHILOV_2017 = "Loshchilov and Hutter 2017";
    LOSHCHILOV_2019 = "Loshchilov and Hutter 2019";
    MAAS_2013 = "Maas, Hannun and Ng 2013";
    MADDISON_2014 = "Maddison, Tarlow and Minka 2014";
    MAO_2017 = "Mao et al. 2017";
    MESCHEDER_2017 = "Mescheder et al. 2017";
    MESCHEDER_2018 = "Mescheder et al. 2018";
    METZ_2017 = "Metz et al. 2017";
    MIYATO_KOYAMA_2018 = "Miyato and Koyama 2018";
    MIYATO_2018 = "Miyato et al. 2018";
    NAEEM_2020 = "Naeem et al. 2020";
    NEAL_2001 = "Neal 2001";
    RADFORD_2016 = "Radford et al. 2016";
    ROBERT_1995 = "Robert 1995";
    SALAKHUTDINOV_2008 = "Salakhutdinov and Murray 2008";
    SALIMANS_2016 = "Salimans et al. 2016";
    SALIMANS_KINGMA_2016 = "Salimans and Kingma 2016";
    SAXE_2014 = "Saxe, McClelland and Ganguli 2014";
    SHI_2016 = "Shi et al. 2016";
    SRIVASTAVA_2014 = "Srivastava et al. 2014";
    SRIVASTAVA_2017 = "Srivastava et al. 2017";
    STICH_2019 = "Stich 2019";
    TIELEMAN_2012 = "Tieleman and Hinton 2012";
    ULYANOV_2016 = "Ulyanov et al. 2016";
    VAN_DEN_OORD_2016 = "van den Oord et al. 2016";
    VASWANI_2017 = "Vaswani et al. 2017";
    WANG_2004 = "Wang et al. 2004";
    WHITE_2016 = "White 2016";
    WU_2018 = "Wu and He 2018";
    YAZICI_2019 = "Yazıcı et al. 2019";
    ZHANG_2019 = "Zhang et al. 2019";
    ZHAO_2020 = "Zhao et al. 2020";
    ZHU_2016 = "Zhu et al. 2016";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    /// The first author and the year: what names a publication.
    fn key(citation: &str) -> String {
        let author: String = citation.chars().take_while(|c| *c != ',').collect();
        let author = author.split(" et al.").next().and_then(|a| a.split(" and ").next()).unwrap_or_default();
        format!("{author} {}", &citation[citation.len() - 4..])
    }

    #[test]
    fn records_cite_by_these_constants_alone() {
        let years = |text: &str| {
            let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
            words
                .iter()
                .any(|w| w.len() == 4 && (w.starts_with("19") || w.starts_with("20")) && w.parse::<u16>().is_ok())
        };
        for entry in crate::catalog().entries() {
            for piece in entry.source.iter().filter(|piece| !ALL.contains(piece)) {
                assert!(!(piece.contains(" et al.") && years(piece)), "{}: {piece:?} cites past `cite`", entry.name);
            }
        }
    }

    #[test]
    fn a_publication_has_one_spelling() {
        for (i, a) in ALL.iter().enumerate() {
            let same = ALL[..i].iter().find(|b| key(a) == key(b) && a.contains(" et al.") == b.contains(" et al."));
            assert!(same.is_none(), "{a:?} beside {same:?}");
        }
    }
}
