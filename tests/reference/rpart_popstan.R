# Reference trees of R's rpart on the World Bank's synthetic survey "Popstan" (2023), aggregate results only.
# Rscript rpart_popstan.R OUT.csv ; the environment variable SP2LNOB_DATA names the folder that holds popstan/.
# Needs base R, rpart and haven.
library(rpart)

folder <- file.path(Sys.getenv("SP2LNOB_DATA"), "popstan")
read <- function(name) as.data.frame(haven::zap_labels(haven::read_dta(file.path(folder, name))))
h <- read("WLD_2023_SYNTH-SVY-HLD-EN_v01_M.dta")
p <- read("WLD_2023_SYNTH-SVY-IND-EN_v01_M.dta")

# household head's education and sex, person weight
head_of <- p[p$relation == 1, c("hid", "educ_attain", "sex")]
names(head_of) <- c("hid", "head_educ", "head_sex")
h <- merge(h, head_of, by = "hid")
stopifnot(nrow(h) == 8000)
h$w <- h$hhweight * h$hhsize

# bottom 40: consumption at or below the smallest value whose cumulative share of persons reaches 0.40
o <- order(h$pc_exp)
z40 <- h$pc_exp[o][which(cumsum(h$w[o]) / sum(h$w) >= 0.40)[1]]
h$bottom40 <- as.numeric(h$pc_exp <= z40)

h$clean <- as.numeric(h$cook_fuel %in% c(1, 2))
h$bank <- as.numeric(h$bank == 1)
h$geo1 <- factor(h$geo1, levels = 1:10)
h$head_educ_f <- factor(h$head_educ)

control <- rpart.control(minbucket = floor(8000 / 11), minsplit = 2 * floor(8000 / 11), cp = 1 / 8000,
                         maxdepth = 6, xval = 0)
cases <- list(
  "clean educ unordered" = clean ~ bottom40 + urbrur + head_educ_f + head_sex,
  "clean educ ordered" = clean ~ bottom40 + urbrur + head_educ + head_sex,
  "clean geo1" = clean ~ bottom40 + urbrur + geo1 + head_educ + head_sex,
  "bank geo1" = bank ~ bottom40 + urbrur + geo1 + head_educ + head_sex
)

out <- list()
for (case in names(cases)) {
  fit <- rpart(cases[[case]], data = h, weights = w, method = "anova", control = control)
  nodes <- as.numeric(rownames(fit$frame))
  leaf_rows <- which(fit$frame$var == "<leaf>")
  outcome <- h[[all.vars(cases[[case]])[1]]]
  for (row in leaf_rows) {
    inside <- fit$where == row
    path <- path.rpart(fit, nodes = nodes[row], pretty = 0, print.it = FALSE)[[1]][-1]
    out[[length(out) + 1]] <- data.frame(
      case = case, leaf = nodes[row],
      rate = sum(h$w[inside] * outcome[inside]) / sum(h$w[inside]),
      share = sum(h$w[inside]) / sum(h$w), n = sum(inside),
      rule = gsub("head_educ_f", "head_educ", paste(path, collapse = " & "), fixed = TRUE)
    )
  }
}
out <- do.call(rbind, out)
out <- out[order(match(out$case, names(cases)), out$rate), ]
out$rate <- sprintf("%.12f", out$rate)
out$share <- sprintf("%.12f", out$share)

path <- commandArgs(trailingOnly = TRUE)[1]
con <- file(path, "wb")
writeLines(paste0("# R ", getRversion(), ", rpart ", packageVersion("rpart"), ", haven ", packageVersion("haven"),
                  "; World Bank Popstan 2023"), con)
write.csv(out, con, row.names = FALSE, quote = which(names(out) %in% c("case", "rule")))
close(con)
